// The services as container apps: one image, one app a service, scaled by KEDA on what waits for it.

param location string
param tags object
param environmentName string

@description('The names of the apps, by service.')
param names object

@description('The names of the identities, by service.')
param identities object

@description('The settings of the services, by service. None is a secret: they hold references to secrets.')
param settings object

param insightsName string

@description('Where the logs of the apps go. It is referred to and never changed.')
param workspaceResourceId string

param namespaceName string

@description('Of the cloud, as KEDA calls it.')
param kedaCloud string

@description('The image, pinned by its digest.')
param image string

@description('The server of the registry from which the identities pull; empty when anybody may pull the image.')
param registryServer string

@description('Whether the counts of queues may be read; without, the number of replicas is the least one.')
param scalerReadsCounts bool

param leastReplicas int
param mostReplicas int

@description('The network\'s name; none when empty.')
param networkName string

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource home 'Microsoft.App/managedEnvironments@2025-07-01' = {
  name: environmentName
  location: location
  tags: tags
  properties: {
    appLogsConfiguration: { destination: 'azure-monitor' }
    vnetConfiguration: empty(networkName)
      ? null
      : {
          infrastructureSubnetId: resourceId('Microsoft.Network/virtualNetworks/subnets', networkName, 'hosts')
          internal: true
        }
    workloadProfiles: [{ name: 'Consumption', workloadProfileType: 'Consumption' }]
  }
}

// What the services write to stderr is kept here alone: their telemetry has traces and metrics.
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: home
  name: 'logs'
  properties: {
    workspaceId: workspaceResourceId
    logs: [
      { category: 'ContainerAppConsoleLogs', enabled: true }
      { category: 'ContainerAppSystemLogs', enabled: true }
    ]
  }
}

var topology = loadJsonContent('../generated/topology.json')
// Messages for each of which another replica is wanted. A fetch job is a page, of which a replica has 16 in hand; a chunk
// takes a fraction of a second; an indicators message waits for its workspace's turn, which no replica makes shorter.
var messagesPerReplica = { fetcher: '32', normalizer: '50', publisher: '500' }
// The publisher holds what a workspace has in hand, and the fetcher a page with all that it unpacks to.
var sizes = {
  fetcher: { cpu: json('0.5'), memory: '1Gi' }
  normalizer: { cpu: json('0.5'), memory: '1Gi' }
  publisher: { cpu: json('0.25'), memory: '0.5Gi' }
}

// Where each replica says whether it is well. There is no ingress: the platform alone asks.
var healthPort = 8090
var asked = { port: healthPort, scheme: 'HTTP' }

resource owners 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for service in items(names): { name: identities[service.key] }
]

resource apps 'Microsoft.App/containerApps@2025-07-01' = [
  for (service, i) in items(names): {
    name: service.value
    location: location
    tags: tags
    identity: { type: 'UserAssigned', userAssignedIdentities: { '${owners[i].id}': {} } }
    properties: {
      environmentId: home.id
      workloadProfileName: 'Consumption'
      configuration: {
        activeRevisionsMode: 'Single'
        registries: empty(registryServer) ? [] : [{ server: registryServer, identity: owners[i].id }]
      }
      template: {
        // What is in hand is finished: a page may take four minutes (MTI_MIMECAST_PAGE_SECONDS).
        terminationGracePeriodSeconds: 300
        containers: [
          {
            name: service.key
            image: image
            args: ['mti.${service.key}']
            resources: sizes[service.key]
            env: concat(map(items(settings[service.key]), setting => { name: setting.key, value: setting.value }), [
              { name: 'AZURE_CLIENT_ID', value: owners[i].properties.clientId }
              { name: 'MTI_HEALTH', value: 'tcp:0.0.0.0:${healthPort}' }
              { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: insights.properties.ConnectionString }
              {
                name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
                value: 'Authorization=AAD;ClientId=${owners[i].properties.clientId}'
              }
            ])
            probes: [
              // One that stands still, or has something in hand that never ends, is started again; one that waits for
              // the bus is not. The first answer comes when the libraries are loaded.
              {
                type: 'Liveness'
                httpGet: union(asked, { path: '/live' })
                initialDelaySeconds: 60
                periodSeconds: 30
                timeoutSeconds: 10
                failureThreshold: 3
              }
              // A new revision takes the place of the one before when it has reached the bus.
              {
                type: 'Readiness'
                httpGet: union(asked, { path: '/ready' })
                initialDelaySeconds: 10
                periodSeconds: 30
                timeoutSeconds: 10
                failureThreshold: 10
              }
            ]
          }
        ]
        scale: {
          minReplicas: leastReplicas
          maxReplicas: mostReplicas
          pollingInterval: 30
          cooldownPeriod: 300
          rules: scalerReadsCounts
            ? [
                {
                  name: 'backlog'
                  custom: {
                    type: 'azure-servicebus'
                    identity: owners[i].id
                    metadata: union(
                      { namespace: namespaceName, cloud: kedaCloud, messageCount: messagesPerReplica[service.key] },
                      empty(topology.services[service.key].receives.queues)
                        ? {
                            topicName: topology.services[service.key].receives.subscriptions[0].topic
                            subscriptionName: topology.services[service.key].receives.subscriptions[0].subscription
                          }
                        : { queueName: topology.services[service.key].receives.queues[0] }
                    )
                  }
                }
              ]
            : []
        }
      }
    }
  }
]
