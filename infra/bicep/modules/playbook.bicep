// One playbook: a workflow with an identity of its own, its trigger's connection, and the right to read the workspace and
// to comment in its incidents. The workspace is referred to and never declared.

param location string
param tags object
param name string

@description('What of generated/playbooks.json it is: title, description, version, definition.')
param playbook object

@description('The values of the definition\'s parameters, by name. None is a secret.')
param values object

param workspaceName string

var sentinel = subscriptionResourceId('Microsoft.Web/locations/managedApis', location, 'azuresentinel')

resource connection 'Microsoft.Web/connections@2016-06-01' = {
  name: 'sentinel-${name}'
  location: location
  tags: tags
  #disable-next-line BCP187 // Bicep's type of a connection lacks it, in this and every other version
  kind: 'V1'
  properties: {
    displayName: playbook.title
    api: { id: sentinel }
    #disable-next-line BCP037 // Bicep's type lacks it: the connection is opened by the workflow's identity
    parameterValueType: 'Alternative'
  }
}

resource workflow 'Microsoft.Logic/workflows@2019-05-01' = {
  name: name
  location: location
  tags: union(tags, {
    'hidden-title': playbook.title
    'hidden-SentinelTemplateName': name
    'hidden-SentinelTemplateVersion': playbook.version
  })
  identity: { type: 'SystemAssigned' }
  properties: {
    state: 'Enabled'
    definition: playbook.definition
    parameters: union(mapValues(values, value => { value: value }), {
      '$connections': {
        value: {
          azuresentinel: {
            id: sentinel
            connectionId: connection.id
            connectionName: connection.name
            connectionProperties: { authentication: { type: 'ManagedServiceIdentity' } }
          }
        }
      }
    })
  }
}

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' existing = {
  name: workspaceName
}

var sentinelResponder = '3e150937-b8fe-4cfb-8069-0eaf05ecd056'
resource role 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: workspace
  name: guid(workspace.id, workflow.id, sentinelResponder)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', sentinelResponder)
    principalId: workflow.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

output id string = workflow.id

@description('The object id of its identity.')
output principalId string = workflow.identity.principalId
