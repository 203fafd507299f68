// The stores: a database a service and one for the tenants, with the containers of databases.json.

param location string
param tags object
param name string

@allowed(['serverless', 'autoscale'])
param capacity string

@description('Request units a second that each database may grow to; autoscale only.')
param maxThroughput int

@description('Whether it is reached by private endpoints alone.')
param private bool

@description('The names of the identities, by service.')
param identities object

@description('Whether the publisher takes withdrawals over HTTP.')
param withdrawals bool

@description('Who looks after it: reads and writes all databases. None when empty.')
param operatorObjectId string

var databases = loadJsonContent('../generated/databases.json')
var serverless = capacity == 'serverless'

resource account 'Microsoft.DocumentDB/databaseAccounts@2026-03-15' = {
  name: name
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    locations: [{ locationName: location, failoverPriority: 0, isZoneRedundant: false }]
    capabilities: serverless ? [{ name: 'EnableServerless' }] : []
    // A process sees its own writes; what several processes decide is decided by compare-and-set.
    consistencyPolicy: { defaultConsistencyLevel: 'Session' }
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    backupPolicy: { type: 'Continuous', continuousModeProperties: { tier: 'Continuous7Days' } }
  }
}

module contents 'database.bicep' = [
  for database in databases: {
    name: 'database-${database.name}'
    params: {
      accountName: account.name
      database: database
      maxThroughput: serverless ? 0 : maxThroughput
    }
  }
]

module rights 'cosmosRoles.bicep' = [
  for service in items(identities): {
    name: 'cosmos-${service.key}'
    params: {
      accountName: account.name
      service: service.key
      identityName: service.value
      withdraws: withdrawals && service.key == 'publisher'
    }
    dependsOn: [contents]
  }
]

var contributor = '00000000-0000-0000-0000-000000000002'
resource operator 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2026-03-15' = if (!empty(operatorObjectId)) {
  parent: account
  name: guid(account.id, operatorObjectId, contributor)
  properties: {
    principalId: operatorObjectId
    scope: account.id
    roleDefinitionId: '${account.id}/sqlRoleDefinitions/${contributor}'
  }
}
