// The right to read one secret of a vault, and no other.

param vaultName string
param secretName string

@description('The object id of who reads it.')
param principalId string

@description('What tells it from others: the role assignment is named after it.')
param principalName string

resource secret 'Microsoft.KeyVault/vaults/secrets@2026-05-15' existing = {
  name: '${vaultName}/${secretName}'
}

var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6'
resource role 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: secret
  name: guid(secret.id, principalName, secretsUser)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
