// The right to upload into a workspace. The workspace is referred to and never declared: declaring it would set what is
// not written here, its retention and its price, to what a template's defaults say.

param workspaceName string

@description('The object id of the identity or app that uploads.')
param principalId string

@description('What tells it from others: the role assignment is named after it, so that deploying again is the same one.')
param principalName string

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' existing = {
  name: workspaceName
}

var sentinelContributor = 'ab8e14d6-4a74-4a29-9ba8-549422addade'
resource role 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: workspace
  name: guid(workspace.id, principalName, sentinelContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', sentinelContributor)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
