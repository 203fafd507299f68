// The response beside function apps: all playbooks, each started by itself.
using '../../playbooks.bicep'

param cloud = 'AzureCloud'
param workspaceName = 'contoso'
param vaultResourceId = '/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/mti/providers/Microsoft.KeyVault/vaults/kv-mti'
param mimecastClientId = 'contoso-client-id'
param mimecastBaseURL = 'https://uk-api.services.mimecast.com'
param withdrawalsURL = 'https://func-mti-publisher.azurewebsites.net/api/withdrawals'
param onFalsePositive = 'withdraw'
param remediateByItself = true
param blockByItself = true
param securityInsightsObjectId = '88888888-8888-8888-8888-888888888888'
