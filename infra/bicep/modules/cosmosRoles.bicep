// What one service may do in the stores: write its own database, read the tenants; and, where it is the one that takes
// withdrawals over HTTP, write what the normalizer knows and see in which form that is kept.

param accountName string
param service string
param identityName string

@description('Whether it takes withdrawals over HTTP.')
param withdraws bool

var reader = '00000000-0000-0000-0000-000000000001'
var contributor = '00000000-0000-0000-0000-000000000002'

resource account 'Microsoft.DocumentDB/databaseAccounts@2026-03-15' existing = {
  name: accountName
}
resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

var own = '${account.id}/dbs/${service}'
resource writesItsOwn 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2026-03-15' = {
  parent: account
  name: guid(own, identity.id, contributor)
  properties: {
    principalId: identity.properties.principalId
    scope: own
    roleDefinitionId: '${account.id}/sqlRoleDefinitions/${contributor}'
  }
}

var tenants = '${account.id}/dbs/tenants'
resource readsTheTenants 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2026-03-15' = {
  parent: account
  name: guid(tenants, identity.id, reader)
  properties: {
    principalId: identity.properties.principalId
    scope: tenants
    roleDefinitionId: '${account.id}/sqlRoleDefinitions/${reader}'
  }
}

var known = '${account.id}/dbs/normalizer/colls/known'
resource writesWhatIsKnown 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2026-03-15' = if (withdraws) {
  parent: account
  name: guid(known, identity.id, contributor)
  properties: {
    principalId: identity.properties.principalId
    scope: known
    roleDefinitionId: '${account.id}/sqlRoleDefinitions/${contributor}'
  }
}

var checkpoints = '${account.id}/dbs/normalizer/colls/checkpoints'
resource readsItsForm 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2026-03-15' = if (withdraws) {
  parent: account
  name: guid(checkpoints, identity.id, reader)
  properties: {
    principalId: identity.properties.principalId
    scope: checkpoints
    roleDefinitionId: '${account.id}/sqlRoleDefinitions/${reader}'
  }
}
