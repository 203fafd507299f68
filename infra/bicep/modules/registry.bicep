// A registry for the image, for who builds it or keeps a copy. Nobody has a password to it.

param location string
param tags object
param name string

@description('The names of the identities that pull.')
param pullers array

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { adminUserEnabled: false, anonymousPullEnabled: false }
}

var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'
resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for puller in pullers: { name: puller }
]
resource pulling 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (puller, i) in pullers: {
    scope: registry
    name: guid(registry.id, identities[i].id, acrPull)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
      principalId: identities[i].properties.principalId
      principalType: 'ServicePrincipal'
    }
  }
]
