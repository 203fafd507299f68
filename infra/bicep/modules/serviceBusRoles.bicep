// What one service may do on the bus: entity by entity, from topology.json.
//
// Who scales a host on the length of a queue reads its counts, and that takes Manage: Azure Service Bus Data Owner, on
// the one entity that the service receives from. With scalerReadsCounts = false it is Data Receiver: a function app then
// falls back to a coarser way of scaling, and a container app keeps the number of its least replicas.

param namespaceName string
param identityName string

@description('An entry of services in topology.json.')
param rights object

param scalerReadsCounts bool

@description('Queues that the host answers for over HTTP: what was set aside is shown and replayed from there.')
param answersFor string[]

var roles = {
  receiver: '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'
  sender: '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'
  owner: '090c5cfd-751d-490a-894a-3ce6f1109419'
}
var receiving = scalerReadsCounts ? roles.owner : roles.receiver

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource receivedQueues 'Microsoft.ServiceBus/namespaces/queues@2026-01-01' existing = [
  for queue in rights.receives.queues: { name: '${namespaceName}/${queue}' }
]
resource receivesQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queue, i) in rights.receives.queues: {
    scope: receivedQueues[i]
    name: guid(receivedQueues[i].id, identity.id, receiving)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', receiving)
      principalId: identity.properties.principalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource receivedSubscriptions 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2026-01-01' existing = [
  for each in rights.receives.subscriptions: { name: '${namespaceName}/${each.topic}/${each.subscription}' }
]
resource receivesSubscriptions 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (each, i) in rights.receives.subscriptions: {
    scope: receivedSubscriptions[i]
    name: guid(receivedSubscriptions[i].id, identity.id, receiving)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', receiving)
      principalId: identity.properties.principalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource seenSubscriptions 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2026-01-01' existing = [
  for each in rights.looksAt: { name: '${namespaceName}/${each.topic}/${each.subscription}' }
]
resource looksAtSubscriptions 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (each, i) in rights.looksAt: {
    scope: seenSubscriptions[i]
    name: guid(seenSubscriptions[i].id, identity.id, roles.receiver)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.receiver)
      principalId: identity.properties.principalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource answeredQueues 'Microsoft.ServiceBus/namespaces/queues@2026-01-01' existing = [
  for queue in answersFor: { name: '${namespaceName}/${queue}' }
]
resource answersForQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queue, i) in answersFor: {
    scope: answeredQueues[i]
    name: guid(answeredQueues[i].id, identity.id, roles.receiver)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.receiver)
      principalId: identity.properties.principalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource sentQueues 'Microsoft.ServiceBus/namespaces/queues@2026-01-01' existing = [
  for queue in rights.sends.queues: { name: '${namespaceName}/${queue}' }
]
resource sendsToQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queue, i) in rights.sends.queues: {
    scope: sentQueues[i]
    name: guid(sentQueues[i].id, identity.id, roles.sender)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.sender)
      principalId: identity.properties.principalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource sentTopics 'Microsoft.ServiceBus/namespaces/topics@2026-01-01' existing = [
  for topic in rights.sends.topics: { name: '${namespaceName}/${topic}' }
]
resource sendsToTopics 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (topic, i) in rights.sends.topics: {
    scope: sentTopics[i]
    name: guid(sentTopics[i].id, identity.id, roles.sender)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.sender)
      principalId: identity.properties.principalId
      principalType: 'ServicePrincipal'
    }
  }
]
