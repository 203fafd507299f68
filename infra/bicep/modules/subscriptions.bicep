// The subscriptions of one topic, and their rules.

param namespaceName string
param topicName string
param subscriptions array

resource topic 'Microsoft.ServiceBus/namespaces/topics@2026-01-01' existing = {
  name: '${namespaceName}/${topicName}'
}

resource entities 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2026-01-01' = [
  for subscription in subscriptions: {
    parent: topic
    name: subscription.name
    properties: union(subscription.properties, { deadLetteringOnFilterEvaluationExceptions: true })
  }
]

// Azure gives a new subscription a rule called $Default, which lets everything through. So the first of our rules takes
// that name: a rule beside it would not keep a message out that is aimed at another subscription.
resource first 'Microsoft.ServiceBus/namespaces/topics/subscriptions/rules@2026-01-01' = [
  for (subscription, i) in subscriptions: {
    parent: entities[i]
    name: '$Default'
    properties: subscription.rules[0].properties
  }
]

module others 'rules.bicep' = [
  for (subscription, i) in subscriptions: {
    name: 'rules-${topicName}-${subscription.name}'
    params: {
      namespaceName: namespaceName
      topicName: topicName
      subscriptionName: entities[i].name
      rules: skip(subscription.rules, 1)
    }
  }
]
