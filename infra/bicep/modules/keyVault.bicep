// The vault, and the secrets that came with the deployment. A value that begins with @Microsoft.KeyVault( is a reference
// to another vault and is not kept here.

param location string
param tags object
param name string

@description('Whether it is reached by private endpoints alone.')
param private bool

@description('The values of the secrets, by name; empty ones are left out.')
@secure()
param secrets object

@description('The names of the secrets.')
param secretNames array

@description('The names of the identities that read secrets.')
param readers array

@description('Who looks after it: Key Vault Secrets Officer. None when empty.')
param operatorObjectId string

resource vault 'Microsoft.KeyVault/vaults@2026-05-15' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 7
    enablePurgeProtection: true
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    // Resource Manager is one of Azure's services: by this it puts the secrets below into a vault that is private.
    networkAcls: { defaultAction: private ? 'Deny' : 'Allow', bypass: 'AzureServices' }
  }
}

resource kept 'Microsoft.KeyVault/vaults/secrets@2026-05-15' = [
  for secret in secretNames: if (!empty(secrets[secret]) && !startsWith(secrets[secret], '@Microsoft.KeyVault(')) {
    parent: vault
    name: secret
    properties: { value: secrets[secret] }
  }
]

var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6'
resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for reader in readers: { name: reader }
]
resource reading 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (reader, i) in readers: {
    scope: vault
    name: guid(vault.id, identities[i].id, secretsUser)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
      principalId: identities[i].properties.principalId
      principalType: 'ServicePrincipal'
    }
  }
]

var secretsOfficer = 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
resource operator 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorObjectId)) {
  scope: vault
  name: guid(vault.id, operatorObjectId, secretsOfficer)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsOfficer)
    principalId: operatorObjectId
  }
}
