// A network in which the hosts live, with the zones by which they find the private endpoints.

param location string
param tags object
param name string

@description('A /22 or larger, in which nothing else lives.')
param addressPrefix string

@description('The zones of the private endpoints, by group: a list each.')
param zones object

resource network 'Microsoft.Network/virtualNetworks@2026-03-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      {
        // Container Apps and Flex Consumption want the same delegation, and a subnet that holds one of them alone.
        name: 'hosts'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 23, 0)
          delegations: [{ name: 'hosts', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 24, 2)
          privateEndpointNetworkPolicies: 'Disabled'
        }
      }
    ]
  }
}

var names = reduce(map(items(zones), each => each.value), [], (all, some) => union(all, some))
resource privateZones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zone in names: {
    name: zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zone, i) in names: {
    parent: privateZones[i]
    name: name
    location: 'global'
    tags: tags
    properties: { virtualNetwork: { id: network.id }, registrationEnabled: false }
  }
]
