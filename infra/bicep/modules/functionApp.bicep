// One service as a function app on a plan of its own (Flex Consumption: one app a plan).
//
// What it needs is there before it: identity, roles, then the slow resources, then this. So the roles have had minutes to
// take effect when the package is unpacked; where they have not, deploying again is the retry.

param location string
param tags object
param name string
param planName string
param identityName string
param storageName string
param insightsName string

@description('The namespace\'s full name.')
param serviceBusHost string

@description('The settings of the service, without those of the platform. None is a secret: they hold references to secrets.')
param settings object

@description('The address of the zip; it is public, direct and pinned. Nothing is deployed when empty.')
param packageUri string

@allowed([512, 2048, 4096])
param memory int

@description('Instances of each of its functions, at the most: what keeps Mimecast, Sentinel and the stores from a flood.')
param maximumInstances int

@description('The network\'s name; none when empty.')
param networkName string

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}
resource storage 'Microsoft.Storage/storageAccounts@2026-06-01' existing = {
  name: storageName
}
resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identity.id}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identity.id
    // Its own functions over HTTP, and the site that takes packages. A package is fetched by the latter itself, which
    // Azure Resource Manager tells to do it, so that onedeploy needs no way in.
    publicNetworkAccess: empty(networkName) ? 'Enabled' : 'Disabled'
    virtualNetworkSubnetId: empty(networkName)
      ? null
      : resourceId('Microsoft.Network/virtualNetworks/subnets', networkName, 'hosts')
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}packages'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id }
        }
      }
      runtime: { name: 'python', version: '3.13' }
      scaleAndConcurrency: { instanceMemoryMB: memory, maximumInstanceCount: maximumInstances }
    }
    siteConfig: { minTlsVersion: '1.2', ftpsState: 'Disabled' }
  }

  resource configuration 'config' = {
    name: 'appsettings'
    properties: union(settings, {
      AZURE_CLIENT_ID: identity.properties.clientId
      APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD;ClientId=${identity.properties.clientId}'
      AzureWebJobsStorage__accountName: storage.name
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identity.properties.clientId
      ServiceBus__fullyQualifiedNamespace: serviceBusHost
      ServiceBus__credential: 'managedidentity'
      ServiceBus__clientId: identity.properties.clientId
    })
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }
}

resource package 'Microsoft.Web/sites/extensions@2024-11-01' = if (!empty(packageUri)) {
  parent: app
  name: 'onedeploy'
  #disable-next-line BCP187 // Bicep's type of onedeploy lacks its properties, in every version of the API
  properties: { packageUri: packageUri, remoteBuild: false }
  dependsOn: [app::configuration]
}
