// The content for the analyst, into a Microsoft Sentinel workspace that is there: it is referred to and never declared.
// Deployed by itself, into the workspace's resource group; docs/analysts.md says what there is.

metadata description = 'Analytic rules, hunting queries, workbooks and a parser on Mimecast\'s threat intelligence.'

@description('The name of the Log Analytics workspace that Microsoft Sentinel is on; it is in this resource group.')
param workspaceName string

@description('Where the workbooks live.')
param location string = resourceGroup().location

@description('The source system of the destination in the tenants file.')
param sourceSystem string = 'Mimecast'

@description('Whether the analytic rules run at once. The one on senders\' addresses never does.')
param enableRules bool = true

var content = loadJsonContent('generated/content.json')
var named = 'let OurSource = \'Mimecast\';'
var chosen = 'let OurSource = \'${sourceSystem}\';'
var linked = 'MimecastInvestigation'

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: workspaceName
}

resource rules 'Microsoft.SecurityInsights/alertRules@2025-09-01' = [
  for rule in content.rules: {
    scope: workspace
    name: rule.id
    kind: 'Scheduled'
    properties: {
      displayName: rule.name
      description: rule.description
      severity: rule.severity
      enabled: enableRules && rule.enabled
      query: replace(rule.query, named, chosen)
      queryFrequency: rule.span.frequency
      queryPeriod: rule.span.period
      triggerOperator: 'GreaterThan'
      triggerThreshold: 0
      suppressionEnabled: false
      suppressionDuration: 'PT5H'
      tactics: rule.tactics
      techniques: rule.techniques
      entityMappings: empty(rule.entityMappings) ? null : rule.entityMappings
      customDetails: rule.customDetails
      alertDetailsOverride: rule.alertDetailsOverride
      eventGroupingSettings: rule.eventGroupingSettings
      incidentConfiguration: rule.incident
      templateVersion: rule.version
    }
  }
]

resource hunts 'Microsoft.OperationalInsights/workspaces/savedSearches@2025-07-01' = [
  for hunt in content.hunts: {
    parent: workspace
    name: hunt.id
    properties: {
      category: 'Hunting Queries'
      displayName: hunt.name
      query: replace(hunt.query, named, chosen)
      version: 2
      tags: [
        { name: 'description', value: hunt.description }
        { name: 'tactics', value: join(hunt.tactics, ',') }
        { name: 'techniques', value: join(hunt.relevantTechniques, ',') }
      ]
    }
  }
]

resource parser 'Microsoft.OperationalInsights/workspaces/savedSearches@2025-07-01' = {
  parent: workspace
  name: content.parser.id
  properties: {
    category: 'Microsoft Sentinel Parser'
    displayName: content.parser.Function.Title
    functionAlias: content.parser.FunctionAlias
    query: replace(content.parser.FunctionQuery, named, chosen)
    version: 2
  }
}

// A link from one workbook to another names a template of the gallery; here it names the workbook that is deployed.
var link = '"templateId": "sentinel-${linked}"'
var linkHere = '"templateId": "${resourceId('Microsoft.Insights/workbooks', guid(workspace.id, linked))}"'

resource workbooks 'Microsoft.Insights/workbooks@2023-06-01' = [
  for book in content.workbooks: {
    name: guid(workspace.id, book.key)
    location: location
    kind: 'shared'
    properties: {
      displayName: book.name
      description: book.description
      category: 'sentinel'
      sourceId: workspace.id
      serializedData: replace(replace(book.data, '"value": "Mimecast"', '"value": "${sourceSystem}"'), link, linkHere)
      version: '1.0'
    }
  }
]
