// One customer, with the parameters of the former connector's form and nothing else.
using '../main.bicep'

param appName = 'mimecastti'
param objectId = '22222222-2222-2222-2222-222222222222'
param appInsightsLocation = 'westeurope'
param mimecastEmail = 'connector@contoso.example'
param mimecastPassword = readEnvironmentVariable('MIMECAST_PASSWORD', '')
param mimecastAppId = '33333333-3333-3333-3333-333333333333'
param mimecastAppKey = readEnvironmentVariable('MIMECAST_APP_KEY', '')
param mimecastAccessKey = readEnvironmentVariable('MIMECAST_ACCESS_KEY', '')
param mimecastSecretKey = readEnvironmentVariable('MIMECAST_SECRET_KEY', '')
param mimecastBaseURL = 'https://eu-api.mimecast.com'
param activeDirectoryAppId = '44444444-4444-4444-4444-444444444444'
param activeDirectoryAppSecret = readEnvironmentVariable('ACTIVE_DIRECTORY_APP_SECRET', '')
param workspaceId = '55555555-5555-5555-5555-555555555555'
param workspaceKey = readEnvironmentVariable('WORKSPACE_KEY', '')
param AppInsightsWorkspaceResourceID = '/subscriptions/66666666-6666-6666-6666-666666666666/resourceGroups/sentinel/providers/Microsoft.OperationalInsights/workspaces/contoso'
