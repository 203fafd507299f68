// The rules of one subscription.

param namespaceName string
param topicName string
param subscriptionName string
param rules array

resource subscription 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2026-01-01' existing = {
  name: '${namespaceName}/${topicName}/${subscriptionName}'
}

resource entities 'Microsoft.ServiceBus/namespaces/topics/subscriptions/rules@2026-01-01' = [
  for rule in rules: {
    parent: subscription
    name: rule.name
    properties: rule.properties
  }
]
