// What somebody has to look at. docs/operations.md says what to do about each.

param location string
param tags object
param prefix string
param namespaceName string
param insightsName string

@description('Who is told; nobody by mail when empty, and the alerts are seen in the portal.')
param email string

resource bus 'Microsoft.ServiceBus/namespaces@2026-01-01' existing = {
  name: namespaceName
}
resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: '${prefix}-people'
  location: 'Global'
  tags: tags
  properties: {
    groupShortName: 'mti'
    enabled: true
    emailReceivers: [{ name: 'people', emailAddress: email, useCommonAlertSchema: true }]
  }
}

resource deadLetters 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: '${prefix}-dead-letters'
  location: 'global'
  tags: tags
  properties: {
    description: 'Messages wait in a dead-letter queue for a person: mti dlq list.'
    severity: 2
    enabled: true
    autoMitigate: true
    scopes: [bus.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'dead letters'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.ServiceBus/namespaces'
          metricName: 'DeadletteredMessages'
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Maximum'
          dimensions: [{ name: 'EntityName', operator: 'Include', values: ['*'] }]
        }
      ]
    }
    actions: empty(email) ? [] : [{ actionGroupId: people.id }]
  }
}

// What a host can't dead-letter where it is waits in a queue of its own, as a message like any other.
var topology = loadJsonContent('../generated/topology.json')
resource setAside 'Microsoft.Insights/metricAlerts@2026-01-01' = [
  for queue in topology.aside: {
    name: '${prefix}-${queue}'
    location: 'global'
    tags: tags
    properties: {
      description: 'Messages wait in ${queue} for a person: mti dlq list.'
      severity: 2
      enabled: true
      autoMitigate: true
      scopes: [bus.id]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT5M'
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            name: 'set aside'
            criterionType: 'StaticThresholdCriterion'
            metricNamespace: 'Microsoft.ServiceBus/namespaces'
            metricName: 'ActiveMessages'
            operator: 'GreaterThan'
            threshold: 0
            timeAggregation: 'Maximum'
            dimensions: [{ name: 'EntityName', operator: 'Include', values: [queue] }]
          }
        ]
      }
      actions: empty(email) ? [] : [{ actionGroupId: people.id }]
    }
  }
]

// Each query returns a row for each thing that is wrong; only silence is a matter of no rows.
var rules = [
  {
    name: 'lag'
    description: 'Messages wait longer than a quarter of an hour: scale the service, or see why it is slow.'
    severity: 2
    window: 'PT15M'
    silence: false
    query: '''
      customMetrics
      | where name == "mti.message.lag" and valueMax > 900
      | summarize seconds = max(valueMax) by entity = tostring(customDimensions["messaging.destination.name"])
    '''
  }
  {
    name: 'pause'
    description: 'A source or workspace has been left alone for an hour: mti pauses list says whose turn it is.'
    severity: 2
    window: 'PT1H'
    silence: false
    query: '''
      customMetrics
      | where name == "mti.pauses"
      | extend kind = tostring(customDimensions["mti.kind"]), tenant = tostring(customDimensions["mti.tenant"])
      | extend reason = tostring(customDimensions["mti.reason"])
      | summarize least = min(value), since = min(timestamp) by kind, tenant, reason
      | where least > 0 and since < ago(50m)
    '''
  }
  {
    name: 'silence'
    description: 'Mimecast has not been asked for an hour: the fetcher does not run, or all of its sources are paused.'
    severity: 1
    window: 'PT1H'
    silence: true
    query: '''
      customMetrics
      | where name == "mti.requests" and tostring(customDimensions["mti.api"]) == "mimecast" and valueSum > 0
    '''
  }
  {
    name: 'skew'
    description: 'A machine\'s clock is a minute from the servers\' that it calls; beyond two nothing is fetched.'
    severity: 2
    window: 'PT15M'
    silence: false
    query: '''
      customMetrics
      | where name == "mti.clock.ahead" and abs(value) > 60
      | summarize seconds = max(abs(value)) by api = tostring(customDimensions["mti.api"]), cloud_RoleInstance
    '''
  }
]

resource queries 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in rules: {
    name: '${prefix}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: '${prefix}: ${rule.name}'
      description: rule.description
      severity: rule.severity
      enabled: true
      autoMitigate: true
      scopes: [insights.id]
      evaluationFrequency: 'PT15M'
      windowSize: rule.window
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: rule.silence ? 'LessThan' : 'GreaterThan'
            threshold: rule.silence ? 1 : 0
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: empty(email) ? [] : [people.id] }
      // The metrics' table is there only once something has been sent to it.
      skipQueryValidation: true
    }
  }
]
