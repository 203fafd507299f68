// Application Insights on the given workspace, which is referred to and never declared.

param location string
param tags object
param name string
param workspaceResourceId string

@description('Whether telemetry is taken from the private network alone. It is read from anywhere, by who has the right.')
param private bool

@description('The names of the identities that send telemetry.')
param senders array

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: name
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    IngestionMode: 'LogAnalytics'
    WorkspaceResourceId: workspaceResourceId
    // Telemetry is taken from the identities below alone: the connection string is an address and no credential.
    DisableLocalAuth: true
    publicNetworkAccessForIngestion: private ? 'Disabled' : 'Enabled'
    publicNetworkAccessForQuery: 'Enabled'
  }
}

var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'
resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for sender in senders: { name: sender }
]
resource sending 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (sender, i) in senders: {
    scope: insights
    name: guid(insights.id, identities[i].id, metricsPublisher)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisher)
      principalId: identities[i].properties.principalId
      principalType: 'ServicePrincipal'
    }
  }
]
