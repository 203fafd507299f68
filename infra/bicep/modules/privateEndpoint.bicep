// The way to one resource from inside the network.

param location string
param tags object
param name string
param networkName string
param resourceId string

@description('Which of the resource\'s services: namespace, Sql, vault, blob, sites, azuremonitor.')
param group string

@description('The private zones in which its addresses are written.')
param zoneNames string[]

resource network 'Microsoft.Network/virtualNetworks@2026-03-01' existing = {
  name: networkName

  resource subnet 'subnets' existing = {
    name: 'endpoints'
  }
}
resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' existing = [for zone in zoneNames: { name: zone }]

resource endpoint 'Microsoft.Network/privateEndpoints@2026-03-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: { id: network::subnet.id }
    privateLinkServiceConnections: [
      { name: group, properties: { privateLinkServiceId: resourceId, groupIds: [group] } }
    ]
  }

  resource address 'privateDnsZoneGroups' = {
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        for (zone, i) in zoneNames: { name: replace(zone, '.', '-'), properties: { privateDnsZoneId: zones[i].id } }
      ]
    }
  }
}
