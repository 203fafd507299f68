// A few customers on function apps, behind private endpoints. Nobody may read the counts of the queues; false positives
// are withdrawn over HTTP.
using '../main.bicep'

param cloud = 'AzureCloud'
param appName = 'mti-private'
param tenants = 'store'
param serviceBusSku = 'Premium'
param network = 'private'
param scalerReadsCounts = false
param withdrawals = true
param AppInsightsWorkspaceResourceID = '/subscriptions/66666666-6666-6666-6666-666666666666/resourceGroups/sentinel/providers/Microsoft.OperationalInsights/workspaces/contoso'
