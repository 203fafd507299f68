// One customer on container apps, with API 2.0 and without any secret of Microsoft Entra ID.
using '../main.bicep'

param cloud = 'AzureCloud'
param appName = 'contoso-ti'
param hosting = 'containerApps'
// ghcr.io/OWNER/mti@sha256:…, as the release's notes have it.
param image = readEnvironmentVariable('IMAGE')
param mimecastClientId = '33333333-3333-3333-3333-333333333333'
param mimecastClientSecret = readEnvironmentVariable('MIMECAST_CLIENT_SECRET', '')
param mimecastRegion = 'eu'
param workspaceId = '55555555-5555-5555-5555-555555555555'
param AppInsightsWorkspaceResourceID = '/subscriptions/66666666-6666-6666-6666-666666666666/resourceGroups/sentinel/providers/Microsoft.OperationalInsights/workspaces/contoso'
param alertEmail = 'soc@contoso.example'
