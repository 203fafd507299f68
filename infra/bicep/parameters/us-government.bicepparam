// A sovereign cloud: Flex Consumption is not in Azure US Government, container apps are.
using '../main.bicep'

param appName = 'agency'
param cloud = 'AzureUSGovernment'
param appInsightsLocation = 'usgovvirginia'
param hosting = 'containerApps'
// From a registry that is reached there, by its digest.
param image = readEnvironmentVariable('IMAGE')
param mimecastClientId = '33333333-3333-3333-3333-333333333333'
param mimecastClientSecret = readEnvironmentVariable('MIMECAST_CLIENT_SECRET', '')
param mimecastRegion = 'us'
param workspaceId = '55555555-5555-5555-5555-555555555555'
param AppInsightsWorkspaceResourceID = '/subscriptions/66666666-6666-6666-6666-666666666666/resourceGroups/sentinel/providers/Microsoft.OperationalInsights/workspaces/agency'
