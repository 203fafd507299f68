// The response beside container apps, which answer nobody over HTTP: a false positive's comment names the command to run.
using '../../playbooks.bicep'

param cloud = 'AzureUSGovernment'
param workspaceName = 'fabrikam'
param defenderURL = 'https://api-gov.securitycenter.microsoft.us'
param defenderAudience = 'https://api-gov.securitycenter.microsoft.us'
