// The response: playbooks that an analyst starts from an incident, and automation rules that start them, if they are to.
// Deployed by itself, into the resource group of a workspace that is there; docs/response.md says what each does, what
// is left to grant by hand, and what it never does.

metadata description = 'Playbooks and automation rules that answer incidents of Mimecast\'s threat intelligence.'

@description('The name of the Log Analytics workspace that Microsoft Sentinel is on; it is in this resource group.')
param workspaceName string

@description('Where the workflows live.')
param location string = resourceGroup().location

@description('What the names of the workflows begin with.')
@minLength(1)
@maxLength(20)
param prefix string = 'mti'

@description('The source system of the destination in the tenants file.')
param sourceSystem string = 'Mimecast'

@description('The resource id of the key vault that holds the secrets. Without it there is no remediation, and withdrawals are a command to run.')
param vaultResourceId string = ''

@description('Remediation: the client id of the application at Mimecast, API 2.0. Empty: the playbook is not deployed.')
param mimecastClientId string = ''

@description('Remediation: the name of the secret that holds its client secret.')
param mimecastSecretName string = 'mimecast-client-secret'

@description('Remediation: the base of Mimecast\'s API 2.0.')
param mimecastBaseURL string = 'https://api.services.mimecast.com'

@description('Remediation: how many days back messages are remediated.')
@minValue(1)
@maxValue(365)
param remediationDays int = 30

@description('Whether the playbook that blocks files in Defender for Endpoint is deployed.')
param blocking bool = true

@description('Blocking: the base of the API of Microsoft Defender for Endpoint.')
param defenderURL string = 'https://api.security.microsoft.com'

@description('Blocking: what a token for that API is asked for.')
param defenderAudience string = 'https://api.securitycenter.microsoft.com'

@description('Blocking: what Defender does where it meets the file.')
@allowed(['BlockAndRemediate', 'Block', 'Warn', 'Audit'])
param defenderAction string = 'BlockAndRemediate'

@description('Withdrawals: the address of the publisher\'s function, such as https://NAME.azurewebsites.net/api/withdrawals. Empty, as on container apps: the comment names the command to run.')
param withdrawalsURL string = ''

@description('Withdrawals: the name of the secret that holds the function\'s key.')
param withdrawalsSecretName string = 'withdraw-key'

@description('What happens by itself when an incident is closed as a false positive.')
@allowed(['nothing', 'offer', 'withdraw'])
param onFalsePositive string = 'offer'

@description('Whether incidents of high severity are remediated in mailboxes by themselves.')
param remediateByItself bool = false

@description('Whether the files of incidents of high severity are blocked by themselves.')
param blockByItself bool = false

@description('The object id, in this directory, of the service principal of Azure Security Insights, by which automation rules run playbooks. Empty: that right is given by hand.')
param securityInsightsObjectId string = ''

@description('Which of Microsoft\'s clouds this is.')
@allowed(['AzureCloud', 'AzureUSGovernment', 'AzureChinaCloud'])
param cloud string = any(environment().name)

@description('Tags of all resources.')
param tags object = {}

var playbooks = loadJsonContent('generated/playbooks.json')
var content = loadJsonContent('generated/content.json')
var domains = loadJsonContent('generated/clouds.json')[cloud]
var manager = environment().resourceManager
var vaultParts = split('${vaultResourceId}////////', '/')
var vault = {
  Vault: empty(vaultResourceId) ? '' : 'https://${vaultParts[8]}.${domains.vault}'
  VaultAudience: 'https://${domains.vault}'
}
var common = {
  SourceSystem: sourceSystem
  ResourceManager: endsWith(manager, '/') ? take(manager, length(manager) - 1) : manager
  LogAnalytics: playbooks.clouds[cloud].address
  LogAnalyticsAudience: playbooks.clouds[cloud].audience
}
var remediates = !empty(mimecastClientId) && !empty(vaultResourceId)
var overHttp = !empty(withdrawalsURL) && !empty(vaultResourceId)

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' existing = {
  name: workspaceName
}

module remediate 'modules/playbook.bicep' = if (remediates) {
  name: '${prefix}-remediate'
  params: {
    location: location
    tags: tags
    name: '${prefix}-remediate-in-mailboxes'
    playbook: playbooks.remediateInMailboxes
    workspaceName: workspaceName
    values: union(common, vault, {
      Mimecast: mimecastBaseURL
      ClientId: mimecastClientId
      SecretName: mimecastSecretName
      Days: remediationDays
    })
  }
}

module remediateSecret 'modules/secretReader.bicep' = if (remediates) {
  name: '${prefix}-remediate-secret'
  scope: resourceGroup(vaultParts[2], vaultParts[4])
  params: {
    vaultName: vaultParts[8]
    secretName: mimecastSecretName
    principalId: remediate!.outputs.principalId
    principalName: '${resourceGroup().id}/${prefix}-remediate'
  }
}

module block 'modules/playbook.bicep' = if (blocking) {
  name: '${prefix}-block'
  params: {
    location: location
    tags: tags
    name: '${prefix}-block-in-defender'
    playbook: playbooks.blockInDefender
    workspaceName: workspaceName
    values: union(common, { Defender: defenderURL, DefenderAudience: defenderAudience, Action: defenderAction })
  }
}

// The same playbook twice: one says what would be withdrawn, the other does it. An analyst starts the other by hand where
// closing an incident only offers it.
var ways = ['offer', 'withdraw']
module withdraw 'modules/playbook.bicep' = [
  for way in ways: {
    name: '${prefix}-${way}'
    params: {
      location: location
      tags: tags
      name: way == 'offer' ? '${prefix}-offer-withdrawal' : '${prefix}-withdraw-false-positive'
      playbook: playbooks.withdrawFalsePositive
      workspaceName: workspaceName
      values: union(common, vault, {
        Withdrawals: overHttp ? withdrawalsURL : ''
        SecretName: withdrawalsSecretName
        DryRun: way == 'offer'
      })
    }
  }
]

module withdrawSecret 'modules/secretReader.bicep' = [
  for (way, i) in ways: if (overHttp) {
    name: '${prefix}-${way}-secret'
    scope: resourceGroup(vaultParts[2], vaultParts[4])
    params: {
      vaultName: vaultParts[8]
      secretName: withdrawalsSecretName
      principalId: withdraw[i].outputs.principalId
      principalName: '${resourceGroup().id}/${prefix}-${way}'
    }
  }
]

// By what automation rules run playbooks of this resource group.
var automationContributor = 'f4c81013-99ee-4d62-a7ee-b3f1f648599a'
resource runs 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(securityInsightsObjectId)) {
  name: guid(resourceGroup().id, securityInsightsObjectId, automationContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', automationContributor)
    principalId: securityInsightsObjectId
    principalType: 'ServicePrincipal'
  }
}

// Incidents of our own rules alone, and of those that name a file.
var named = filter(content.rules, rule => contains(map(rule.entityMappings, each => each.entityType), 'FileHash'))
var ours = {
  conditionType: 'Property'
  conditionProperties: {
    propertyName: 'IncidentRelatedAnalyticRuleIds'
    operator: 'Contains'
    propertyValues: map(named, rule => '${workspace.id}/providers/Microsoft.SecurityInsights/alertRules/${rule.id}')
  }
}
var grave = {
  conditionType: 'Property'
  conditionProperties: { propertyName: 'IncidentSeverity', operator: 'Equals', propertyValues: ['High'] }
}

resource remediateRule 'Microsoft.SecurityInsights/automationRules@2025-09-01' = if (remediates && remediateByItself) {
  scope: workspace
  name: guid(workspace.id, prefix, 'remediate')
  properties: {
    displayName: 'Mimecast: remediate files of grave incidents in mailboxes'
    order: 100
    triggeringLogic: { isEnabled: true, triggersOn: 'Incidents', triggersWhen: 'Created', conditions: [ours, grave] }
    actions: [
      {
        order: 1
        actionType: 'RunPlaybook'
        actionConfiguration: { logicAppResourceId: remediate!.outputs.id, tenantId: tenant().tenantId }
      }
    ]
  }
  dependsOn: [runs]
}

resource blockRule 'Microsoft.SecurityInsights/automationRules@2025-09-01' = if (blocking && blockByItself) {
  scope: workspace
  name: guid(workspace.id, prefix, 'block')
  properties: {
    displayName: 'Mimecast: block files of grave incidents in Defender for Endpoint'
    order: 101
    triggeringLogic: { isEnabled: true, triggersOn: 'Incidents', triggersWhen: 'Created', conditions: [ours, grave] }
    actions: [
      {
        order: 1
        actionType: 'RunPlaybook'
        actionConfiguration: { logicAppResourceId: block!.outputs.id, tenantId: tenant().tenantId }
      }
    ]
  }
  dependsOn: [runs]
}

// A rule knows no classification: it starts the playbook for every incident that is closed, and that looks for it.
resource closedRule 'Microsoft.SecurityInsights/automationRules@2025-09-01' = if (onFalsePositive != 'nothing') {
  scope: workspace
  name: guid(workspace.id, prefix, 'closed')
  properties: {
    displayName: onFalsePositive == 'offer'
      ? 'Mimecast: offer to withdraw false positives'
      : 'Mimecast: withdraw false positives'
    order: 102
    triggeringLogic: {
      isEnabled: true
      triggersOn: 'Incidents'
      triggersWhen: 'Updated'
      conditions: [
        ours
        {
          conditionType: 'PropertyChanged'
          conditionProperties: {
            propertyName: 'IncidentStatus'
            changeType: 'ChangedTo'
            operator: 'Equals'
            propertyValues: ['Closed']
          }
        }
      ]
    }
    actions: [
      {
        order: 1
        actionType: 'RunPlaybook'
        actionConfiguration: {
          logicAppResourceId: onFalsePositive == 'offer' ? withdraw[0].outputs.id : withdraw[1].outputs.id
          tenantId: tenant().tenantId
        }
      }
    ]
  }
  dependsOn: [runs]
}

@description('The object ids of the playbooks\' identities, to grant by hand what a template can\'t.')
output identities object = {
  remediate: remediates ? remediate!.outputs.principalId : ''
  block: blocking ? block!.outputs.principalId : ''
  offer: withdraw[0].outputs.principalId
  withdraw: withdraw[1].outputs.principalId
}
