// The bus: the entities and rules of topology.json, which is made of what the local namespace runs on.

param location string
param tags object
param name string

@allowed(['Standard', 'Premium'])
param sku string

@description('Messaging units; Premium only.')
param capacity int

@description('Whether it is reached by private endpoints alone; Premium only.')
param private bool

@description('Who looks after it: Azure Service Bus Data Owner. None when empty.')
param operatorObjectId string

var topology = loadJsonContent('../generated/topology.json')
var premium = sku == 'Premium'
// The namespace keeps this much of each entity: an outage of a workspace must not fill it within days.
var sizeInMegabytes = 5120

resource bus 'Microsoft.ServiceBus/namespaces@2026-01-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: sku, tier: sku, capacity: premium ? capacity : null }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    premiumMessagingPartitions: premium ? 1 : null
  }
}

resource queues 'Microsoft.ServiceBus/namespaces/queues@2026-01-01' = [
  for queue in topology.queues: {
    parent: bus
    name: queue.name
    properties: union(queue.properties, { maxSizeInMegabytes: sizeInMegabytes })
  }
]

resource topics 'Microsoft.ServiceBus/namespaces/topics@2026-01-01' = [
  for topic in topology.topics: {
    parent: bus
    name: topic.name
    properties: union(topic.properties, { maxSizeInMegabytes: sizeInMegabytes })
  }
]

module subscriptions 'subscriptions.bicep' = [
  for (topic, i) in topology.topics: {
    name: 'subscriptions-${topic.name}'
    params: { namespaceName: bus.name, topicName: topics[i].name, subscriptions: topic.subscriptions }
  }
]

var owner = '090c5cfd-751d-490a-894a-3ce6f1109419'
resource operator 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(operatorObjectId)) {
  scope: bus
  name: guid(bus.id, operatorObjectId, owner)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', owner)
    principalId: operatorObjectId
  }
}
