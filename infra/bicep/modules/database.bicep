// One database and its containers.

param accountName string

@description('An entry of databases.json.')
param database object

@description('Of autoscale, shared by the containers; 0 for a serverless account.')
param maxThroughput int

resource account 'Microsoft.DocumentDB/databaseAccounts@2026-03-15' existing = {
  name: accountName
}

resource home 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2026-03-15' = {
  parent: account
  name: database.name
  properties: {
    resource: { id: database.name }
    options: maxThroughput > 0 ? { autoscaleSettings: { maxThroughput: maxThroughput } } : {}
  }
}

resource containers 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2026-03-15' = [
  for container in database.containers: {
    parent: home
    name: container.id
    properties: { resource: container }
  }
]
