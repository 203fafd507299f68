// One identity a service: what one of them may do, the others may not.

param location string
param tags object

@description('The names of the identities, by service.')
param names object

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = [
  for service in items(names): {
    name: service.value
    location: location
    tags: tags
  }
]
