// Application Insights by the private network alone: a private endpoint leads to a scope, and the scope to what is in it.

param tags object
param name string
param insightsName string

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource scope 'Microsoft.Insights/privateLinkScopes@2021-07-01-preview' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    accessModeSettings: {
      // From this network telemetry goes to what is in the scope and nowhere else.
      ingestionAccessMode: 'PrivateOnly'
      // People look at it in the portal, by their roles, wherever they are.
      queryAccessMode: 'Open'
    }
  }

  resource component 'scopedResources' = {
    name: insightsName
    properties: { linkedResourceId: insights.id }
  }
}
