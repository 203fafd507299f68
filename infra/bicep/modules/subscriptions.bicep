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
    properties: subscription.properties
  }
]

// Azure gives a new subscription a rule called $Default, which lets everything through. The first of our rules has that
// name and so takes its place: beside it a message that is aimed at another subscription would come here too.
module rules 'rules.bicep' = [
  for (subscription, i) in subscriptions: {
    name: 'rules-${topicName}-${subscription.name}'
    params: {
      namespaceName: namespaceName
      topicName: topicName
      subscriptionName: entities[i].name
      rules: subscription.rules
    }
  }
]
