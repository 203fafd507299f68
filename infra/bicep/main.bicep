// From Mimecast's threat intelligence to Microsoft Sentinel: the three services, what they meet on, and who may do what.
//
// The first fifteen parameters are those of the deprecated connector "Mimecast Intelligence for Microsoft", by their
// names; docs/deploy.md says what becomes of each.

metadata description = 'Mimecast threat intelligence into Microsoft Sentinel.'

@description('A name for this deployment; the names of all resources begin with what letters and digits it has.')
@minLength(1)
@maxLength(60)
param appName string

@description('The object id, in Microsoft Entra ID, of who looks after this: may read its state, its dead letters and its secrets. Nobody when empty.')
param objectId string = ''

@description('Where Application Insights and its alerts live.')
param appInsightsLocation string = 'westeurope'

@description('API 1.0: the e-mail address of the dedicated Mimecast administrator; with the password it renews a binding that has expired.')
param mimecastEmail string = ''

@description('API 1.0: the password of that administrator.')
@secure()
param mimecastPassword string = ''

@description('API 1.0: the application id of the application that is registered with Mimecast.')
param mimecastAppId string = ''

@description('API 1.0: the key of that application.')
@secure()
param mimecastAppKey string = ''

@description('API 1.0: the access key of the dedicated user.')
@secure()
param mimecastAccessKey string = ''

@description('API 1.0: the secret key of the dedicated user.')
@secure()
param mimecastSecretKey string = ''

@description('The base URL of the account\'s region, such as https://eu-api.mimecast.com. It also says which region that is.')
param mimecastBaseURL string = ''

@description('The application (client) id of the app registration that uploads to Sentinel. When empty the publisher\'s own identity does, which needs no secret.')
param activeDirectoryAppId string = ''

@description('The secret of that app registration.')
@secure()
param activeDirectoryAppSecret string = ''

@description('The workspace id (a GUID) of the Sentinel workspace.')
param workspaceId string = ''

@description('Accepted, so that the former form\'s values still fit, and not used or kept: the interface that took a workspace\'s key is not used any more.')
@secure()
param workspaceKey string = ''

@description('The resource id of the Log Analytics workspace that Application Insights writes to. It is referred to and never changed.')
param AppInsightsWorkspaceResourceID string

@description('Where everything else lives.')
param location string = resourceGroup().location

@description('What the services run on: function apps for one customer or a few, container apps for many.')
@allowed(['functions', 'containerApps'])
param hosting string = 'functions'

@description('Where the tenants are described: the one of this form, or a store that `mti tenants import` fills.')
@allowed(['form', 'store'])
param tenants string = 'form'

@description('API 2.0: the client id of the application. When given, API 2.0 is used and the credentials of API 1.0 are not.')
param mimecastClientId string = ''

@description('API 2.0: the client secret.')
@secure()
param mimecastClientSecret string = ''

@description('The account\'s region, such as eu or us, where the base URL does not say it.')
param mimecastRegion string = ''

@description('Which feeds are fetched for the tenant of this form.')
param mimecastFeeds ('malware_customer' | 'malware_grid')[] = ['malware_customer', 'malware_grid']

@description('The directory that the app registration is in.')
param activeDirectoryTenantId string = tenant().tenantId

@description('The object id of the app registration\'s service principal; when given, it is given Microsoft Sentinel Contributor on the workspace here.')
param activeDirectoryAppObjectId string = ''

@description('The resource id of the Sentinel workspace, on which who uploads is given its role. Nobody is given it here when empty.')
param sentinelWorkspaceResourceId string = tenants == 'form' ? AppInsightsWorkspaceResourceID : ''

@allowed(['Standard', 'Premium'])
@description('Premium is needed for private networking.')
param serviceBusSku string = 'Standard'

@description('Messaging units of Premium.')
@allowed([1, 2, 4, 8, 16])
param serviceBusCapacity int = 1

@allowed(['serverless', 'autoscale'])
@description('Serverless for one customer or a few; autoscale for many.')
param cosmosCapacity string = 'serverless'

@description('Request units a second that each of the four databases may grow to, with autoscale.')
@minValue(1000)
param cosmosMaxThroughput int = 1000

@description('private: the bus, the stores, the vault, the storage and the function apps are reached by private endpoints alone, and so is telemetry taken.')
@allowed(['public', 'private'])
param network string = 'public'

@description('The addresses of the private network: a /22 or larger.')
param addressPrefix string = '10.68.0.0/22'

@description('Function apps: where the packages are. It is public, direct and pinned to a release. Empty: none are deployed.')
param packages string = loadJsonContent('../release.json').address

@description('Function apps: MB of an instance.')
@allowed([512, 2048, 4096])
param functionMemory int = 2048

@description('Function apps: instances of each function, at the most.')
@minValue(1)
@maxValue(1000)
param maximumInstances int = 4

@description('Function apps: whether the publisher\'s app withdraws false positives for who asks with its key (docs/response.md). It may then write what the normalizer knows.')
param withdrawals bool = false

@description('Container apps: the image, by its digest. Empty: no app is started, so that a registry can be filled first.')
param image string = ''

@description('Container apps: make a registry for the image.')
param createRegistry bool = false

@description('Container apps: replicas of each service, at the least. The fetcher has its schedule in its process: without one nothing is fetched.')
@minValue(1)
param leastReplicas int = 1

@description('Container apps: replicas of each service, at the most.')
@minValue(1)
param mostReplicas int = 4

@description('Whether who scales a host may read the counts of its queue; it takes Azure Service Bus Data Owner on that queue.')
param scalerReadsCounts bool = true

@description('Who is told by mail of what needs a person; nobody when empty.')
param alertEmail string = ''

@allowed(['DEBUG', 'INFO', 'WARNING', 'ERROR'])
@description('What is logged: this and all that is graver.')
param logLevel string = 'INFO'

@description('Which of Microsoft\'s clouds this is.')
@allowed(['AzureCloud', 'AzureUSGovernment', 'AzureChinaCloud'])
param cloud string = any(environment().name)

@description('Tags of all resources.')
param tags object = {}

// Names. Whatever the deployment is called, what Azure takes is left of it: small letters and digits.

var characters = map(range(0, length(appName)), i => toLower(substring(appName, i, 1)))
var kept = join(filter(characters, c => contains('abcdefghijklmnopqrstuvwxyz0123456789', c)), '')
var stem = empty(kept) || kept == 'default' ? 'mti' : take(kept, 12)
var unique = uniqueString(resourceGroup().id, appName)
var services = ['fetcher', 'normalizer', 'publisher']
var names = {
  bus: 'sb-${stem}-${unique}'
  cosmos: 'cosmos-${stem}-${unique}'
  vault: 'kv-${take(stem, 7)}-${unique}'
  insights: 'appi-${stem}-${unique}'
  alerts: 'mti-${stem}'
  environment: 'cae-${stem}-${unique}'
  registry: 'cr${stem}${unique}'
  network: 'vnet-${stem}-${unique}'
  linkScope: 'ampls-${stem}-${unique}'
}
var identityNames = toObject(services, service => service, service => 'id-${stem}-${service}-${unique}')
var storageNames = toObject(services, service => service, service => 'st${take(service, 3)}${take(stem, 6)}${unique}')
var functionAppNames = toObject(services, service => service, service => 'func-${stem}-${service}-${unique}')
var planNames = toObject(services, service => service, service => 'plan-${stem}-${service}-${unique}')
// 32 characters at the most.
var containerAppNames = toObject(services, service => service, service => 'ca-${stem}-${service}-${take(unique, 5)}')

// What the code is told.

var domains = loadJsonContent('generated/clouds.json')[cloud]
var topology = loadJsonContent('generated/topology.json')
var busHost = '${names.bus}.${domains.serviceBus}'
var vaultUrl = 'https://${names.vault}.${domains.vault}'
var stores = 'cosmos:https://${names.cosmos}.${domains.cosmos}'
var fromForm = tenants == 'form'

// Values that begin so are references to a vault that is there already: they are passed on as they are.
var isReference = '@Microsoft.KeyVault('
// These two are no secrets and are needed to make sense of the rest: the services read them when they start.
var baseUrlIsReference = startsWith(trim(mimecastBaseURL), isReference)
var workspaceIsReference = startsWith(trim(workspaceId), isReference)
var described = union(
  baseUrlIsReference ? { TENANT_BASE_URL: trim(mimecastBaseURL) } : {},
  workspaceIsReference ? { TENANT_WORKSPACE_ID: trim(workspaceId) } : {}
)

var mimecastHost = baseUrlIsReference ? '' : split(split('${toLower(trim(mimecastBaseURL))}//', '//')[1], '/')[0]
var regionOfHost = contains(mimecastHost, '-api.') ? split(mimecastHost, '-api.')[0] : ''
var region = toLower(empty(mimecastRegion) ? regionOfHost : mimecastRegion)
var api2 = !empty(mimecastClientId)
// API 2.0 has addresses of its own; where the former form's is given, the code's own default for the region counts.
var baseUrlFits = api2 == contains(mimecastHost, 'services.mimecast.') && !empty(mimecastHost)
var byApp = !empty(activeDirectoryAppId)
var renews = !api2 && !empty(mimecastEmail)

var account = union(
  { api: api2 ? '2.0' : '1.0', region: region },
  baseUrlIsReference ? { base_url: 'env:TENANT_BASE_URL' } : baseUrlFits ? { base_url: 'https://${mimecastHost}' } : {},
  api2
    ? { client_id: 'env:MIMECAST_CLIENT_ID', client_secret: 'env:MIMECAST_CLIENT_SECRET' }
    : {
        app_id: 'env:MIMECAST_APP_ID'
        app_key: 'env:MIMECAST_APP_KEY'
        access_key: 'env:MIMECAST_ACCESS_KEY'
        secret_key: 'env:MIMECAST_SECRET_KEY'
      },
  renews ? { email: 'env:MIMECAST_EMAIL', password: 'env:MIMECAST_PASSWORD' } : {}
)
var destination = union(
  {
    workspace_id: workspaceIsReference ? 'env:TENANT_WORKSPACE_ID' : toLower(trim(workspaceId))
    endpoint: domains.sentinel
  },
  byApp
    ? {
        auth: 'client_secret'
        azure_tenant_id: activeDirectoryTenantId
        client_id: 'env:ACTIVE_DIRECTORY_APP_ID'
        client_secret: 'env:ACTIVE_DIRECTORY_APP_SECRET'
      }
    : { auth: 'managed_identity', client_id: 'env:AZURE_CLIENT_ID' }
)
// A tenants file with one tenant, in JSON, which is YAML too. It holds references to secrets and no secrets.
var tenantsText = string({
  tenants: [{ id: stem, mimecast: account, feeds: mimecastFeeds, destinations: [destination] }]
})

var vaultSecret = '${isReference}SecretUri=${vaultUrl}/secrets/'
var mimecastSettings = union(
  api2
    ? {
        MIMECAST_CLIENT_ID: mimecastClientId
        MIMECAST_CLIENT_SECRET: startsWith(mimecastClientSecret, isReference)
          ? mimecastClientSecret
          : '${vaultSecret}mimecast-client-secret)'
      }
    : {
        MIMECAST_APP_ID: mimecastAppId
        MIMECAST_APP_KEY: startsWith(mimecastAppKey, isReference) ? mimecastAppKey : '${vaultSecret}mimecast-app-key)'
        MIMECAST_ACCESS_KEY: startsWith(mimecastAccessKey, isReference)
          ? mimecastAccessKey
          : '${vaultSecret}mimecast-access-key)'
        MIMECAST_SECRET_KEY: startsWith(mimecastSecretKey, isReference)
          ? mimecastSecretKey
          : '${vaultSecret}mimecast-secret-key)'
      },
  renews
    ? {
        MIMECAST_EMAIL: mimecastEmail
        MIMECAST_PASSWORD: startsWith(mimecastPassword, isReference)
          ? mimecastPassword
          : '${vaultSecret}mimecast-password)'
      }
    : {}
)
var uploadSettings = byApp
  ? {
      ACTIVE_DIRECTORY_APP_ID: activeDirectoryAppId
      ACTIVE_DIRECTORY_APP_SECRET: startsWith(activeDirectoryAppSecret, isReference)
        ? activeDirectoryAppSecret
        : '${vaultSecret}active-directory-app-secret)'
    }
  : {}
var tenantsSettings = fromForm
  ? union({ MTI_TENANTS_TEXT: tenantsText, MTI_TENANTS_STATES: '${stores}/tenants' }, described)
  : { MTI_TENANTS_STORE: '${stores}/tenants' }
var common = union(topology.settings, tenantsSettings, {
  MTI_SERVICEBUS_NAMESPACE: busHost
  MTI_LOG_LEVEL: logLevel
})
// Container apps answer nobody over HTTP.
var onFunctions = hosting == 'functions'
var withdraws = onFunctions && withdrawals
var settings = {
  fetcher: union(
    common,
    { MTI_STORE: '${stores}/fetcher', MTI_KEYVAULT_URL: vaultUrl },
    fromForm ? mimecastSettings : {}
  )
  normalizer: union(common, { MTI_STORE: '${stores}/normalizer' })
  publisher: union(
    common,
    { MTI_STORE: '${stores}/publisher', MTI_KEYVAULT_URL: vaultUrl },
    fromForm ? uploadSettings : {},
    withdraws ? { MTI_NORMALIZER_STORE: '${stores}/normalizer', MTI_PUBLISHER_STORE: '${stores}/publisher' } : {}
  )
}

// Identities and their roles come first, then what is slow to make, then the hosts.

var private = network == 'private'
var networkName = private ? names.network : ''

module identities 'modules/identities.bicep' = {
  name: 'identities'
  params: { location: location, tags: tags, names: identityNames }
}

module storage 'modules/storage.bicep' = [
  for service in services: if (onFunctions) {
    name: 'storage-${service}'
    params: {
      location: location
      tags: tags
      name: storageNames[service]
      identityName: identityNames[service]
      private: private
    }
    dependsOn: [identities]
  }
]

module vault 'modules/keyVault.bicep' = {
  name: 'vault'
  params: {
    location: location
    tags: tags
    name: names.vault
    private: private
    secrets: {
      'mimecast-password': mimecastPassword
      'mimecast-app-key': mimecastAppKey
      'mimecast-access-key': mimecastAccessKey
      'mimecast-secret-key': mimecastSecretKey
      'mimecast-client-secret': mimecastClientSecret
      'active-directory-app-secret': activeDirectoryAppSecret
    }
    secretNames: [
      'mimecast-password'
      'mimecast-app-key'
      'mimecast-access-key'
      'mimecast-secret-key'
      'mimecast-client-secret'
      'active-directory-app-secret'
    ]
    readers: [identityNames.fetcher, identityNames.publisher]
    operatorObjectId: objectId
  }
  dependsOn: [identities]
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    location: appInsightsLocation
    tags: tags
    name: names.insights
    workspaceResourceId: AppInsightsWorkspaceResourceID
    private: private
    senders: map(services, service => identityNames[service])
  }
  dependsOn: [identities]
}

module bus 'modules/serviceBus.bicep' = {
  name: 'service-bus'
  params: {
    location: location
    tags: tags
    name: names.bus
    sku: serviceBusSku
    capacity: serviceBusCapacity
    private: private
    operatorObjectId: objectId
  }
}

module busRoles 'modules/serviceBusRoles.bicep' = [
  for service in services: {
    name: 'service-bus-${service}'
    params: {
      namespaceName: names.bus
      identityName: identityNames[service]
      rights: topology.services[service]
      scalerReadsCounts: scalerReadsCounts
      answersFor: onFunctions ? topology.aside : []
    }
    dependsOn: [bus, identities]
  }
]

module cosmos 'modules/cosmos.bicep' = {
  name: 'cosmos'
  params: {
    location: location
    tags: tags
    name: names.cosmos
    capacity: cosmosCapacity
    maxThroughput: cosmosMaxThroughput
    private: private
    identities: identityNames
    withdrawals: withdraws
    operatorObjectId: objectId
  }
  dependsOn: [identities]
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    location: appInsightsLocation
    tags: tags
    prefix: names.alerts
    namespaceName: names.bus
    insightsName: names.insights
    email: alertEmail
  }
  dependsOn: [bus, monitoring]
}

module net 'modules/network.bicep' = if (private) {
  name: 'network'
  params: {
    location: location
    tags: tags
    name: names.network
    addressPrefix: addressPrefix
    zones: domains.privateZones
  }
}

module linkScope 'modules/privateLinkScope.bicep' = if (private) {
  name: 'private-link-scope'
  params: { tags: tags, name: names.linkScope, insightsName: names.insights }
  dependsOn: [monitoring]
}

var privateResources = concat(
  [
    { name: 'bus', group: 'namespace', id: resourceId('Microsoft.ServiceBus/namespaces', names.bus) }
    { name: 'cosmos', group: 'Sql', id: resourceId('Microsoft.DocumentDB/databaseAccounts', names.cosmos) }
    { name: 'vault', group: 'vault', id: resourceId('Microsoft.KeyVault/vaults', names.vault) }
    { name: 'monitor', group: 'azuremonitor', id: resourceId('Microsoft.Insights/privateLinkScopes', names.linkScope) }
  ],
  onFunctions
    ? map(services, service => {
        name: 'storage-${service}'
        group: 'blob'
        id: resourceId('Microsoft.Storage/storageAccounts', storageNames[service])
      })
    : []
)
module endpoints 'modules/privateEndpoint.bicep' = [
  for each in privateResources: if (private) {
    name: 'endpoint-${each.name}'
    params: {
      location: location
      tags: tags
      name: 'pe-${stem}-${each.name}-${unique}'
      networkName: names.network
      resourceId: each.id
      group: each.group
      zoneNames: domains.privateZones[each.group]
    }
    dependsOn: [net, bus, cosmos, vault, storage, linkScope]
  }
]

module registry 'modules/registry.bicep' = if (createRegistry) {
  name: 'registry'
  params: {
    location: location
    tags: tags
    name: names.registry
    pullers: map(services, service => identityNames[service])
  }
  dependsOn: [identities]
}

// Who uploads into the workspace: the app registration, where its object id is known, else the publisher's identity.

resource publisher 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityNames.publisher
}
var workspaceParts = split('${sentinelWorkspaceResourceId}////////', '/')
module sentinelRole 'modules/sentinelRole.bicep' = if (!empty(sentinelWorkspaceResourceId) && (!byApp || !empty(activeDirectoryAppObjectId))) {
  name: 'sentinel-role-${unique}'
  scope: resourceGroup(workspaceParts[2], workspaceParts[4])
  params: {
    workspaceName: workspaceParts[8]
    principalId: byApp ? activeDirectoryAppObjectId : publisher.properties.principalId
    principalName: byApp ? activeDirectoryAppObjectId : publisher.id
  }
  dependsOn: [identities]
}

module functionApps 'modules/functionApp.bicep' = [
  for service in services: if (onFunctions) {
    name: 'function-app-${service}'
    params: {
      location: location
      tags: tags
      name: functionAppNames[service]
      planName: planNames[service]
      identityName: identityNames[service]
      storageName: storageNames[service]
      insightsName: names.insights
      serviceBusHost: busHost
      settings: settings[service]
      packageUri: empty(packages) ? '' : '${packages}/${service}.zip'
      memory: functionMemory
      maximumInstances: maximumInstances
      networkName: networkName
    }
    dependsOn: [storage, vault, monitoring, busRoles, cosmos, sentinelRole, endpoints]
  }
]

module siteEndpoints 'modules/privateEndpoint.bicep' = [
  for service in services: if (private && onFunctions) {
    name: 'endpoint-site-${service}'
    params: {
      location: location
      tags: tags
      name: 'pe-${stem}-site-${service}-${unique}'
      networkName: names.network
      resourceId: resourceId('Microsoft.Web/sites', functionAppNames[service])
      group: 'sites'
      zoneNames: domains.privateZones.sites
    }
    dependsOn: [net, functionApps]
  }
]

module containerApps 'modules/containerApps.bicep' = if (!onFunctions && !empty(image)) {
  name: 'container-apps'
  params: {
    location: location
    tags: tags
    environmentName: names.environment
    names: containerAppNames
    identities: identityNames
    settings: settings
    insightsName: names.insights
    workspaceResourceId: AppInsightsWorkspaceResourceID
    namespaceName: names.bus
    kedaCloud: domains.keda
    image: image
    registryServer: createRegistry ? '${names.registry}.${domains.registry}' : ''
    scalerReadsCounts: scalerReadsCounts
    leastReplicas: leastReplicas
    mostReplicas: mostReplicas
    networkName: networkName
  }
  dependsOn: [vault, monitoring, busRoles, cosmos, registry, sentinelRole, endpoints]
}

@description('The names of the hosts, by service.')
output hosts object = onFunctions ? functionAppNames : containerAppNames

@description('What `mti` needs in its environment to work on this deployment.')
output operatorSettings object = union(tenantsSettings, {
  MTI_SERVICEBUS_NAMESPACE: busHost
  MTI_STORES: '${stores}/{service}'
  MTI_KEYVAULT_URL: vaultUrl
})

@description('The identities of the services, by service.')
output identityNames object = identityNames

@description('The registry to push the image to, if one was made.')
output registryServer string = createRegistry ? '${names.registry}.${domains.registry}' : ''

@description('What was given and is not used, and why.')
output notes array = workspaceKeyGiven
  ? ['workspaceKey was given and is neither used nor kept: indicators are uploaded with an identity.']
  : []

var workspaceKeyGiven = !empty(workspaceKey)
