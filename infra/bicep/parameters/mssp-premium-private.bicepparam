// A provider with a thousand customers: nothing but the hosts reaches the bus, the stores and the vault, and the image
// comes from a registry of its own.
using '../main.bicep'

param cloud = 'AzureCloud'
param appName = 'mssp-private'
param objectId = '22222222-2222-2222-2222-222222222222'
param hosting = 'containerApps'
param tenants = 'store'
param serviceBusSku = 'Premium'
param serviceBusCapacity = 1
param cosmosCapacity = 'autoscale'
param cosmosMaxThroughput = 4000
param network = 'private'
param addressPrefix = '10.68.0.0/22'
param createRegistry = true
// Empty the first time: then the registry is made, the image is pushed to it, and the second time starts the services.
param image = readEnvironmentVariable('IMAGE', '')
param leastReplicas = 1
param mostReplicas = 8
param AppInsightsWorkspaceResourceID = '/subscriptions/66666666-6666-6666-6666-666666666666/resourceGroups/soc/providers/Microsoft.OperationalInsights/workspaces/mssp'
param alertEmail = 'soc@mssp.example'
