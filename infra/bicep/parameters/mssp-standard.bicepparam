// A provider with some tens of customers. Its tenants come from a store, and their secrets from its vault.
using '../main.bicep'

param cloud = 'AzureCloud'
param appName = 'mssp'
param objectId = '22222222-2222-2222-2222-222222222222'
param hosting = 'containerApps'
param tenants = 'store'
// ghcr.io/OWNER/mti@sha256:…, as the release's notes have it.
param image = readEnvironmentVariable('IMAGE')
param mostReplicas = 4
param AppInsightsWorkspaceResourceID = '/subscriptions/66666666-6666-6666-6666-666666666666/resourceGroups/soc/providers/Microsoft.OperationalInsights/workspaces/mssp'
param alertEmail = 'soc@mssp.example'
