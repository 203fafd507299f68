r"""The store on Azure Cosmos DB for NoSQL.

A document lies in its container as ::

    {"id": "contoso.~malware_customer", "partition": "eu", "body": "{\"token\":\"…\"}", "write": "9f0c…", "ttl": 60}

- `id` is the document's id in the alphabet of `ids`, which Cosmos takes and sorts by code point.
- `partition` is the partition key, as it is.
- `body` is the body as text (`store_documents` says why). In the Data Explorer it is read with
  `SELECT c.id, StringToObject(c.body) AS body FROM c`.
- `ttl` is there when the document may be forgotten; the service removes it that many seconds after its last write.
- `write` is drawn anew for each write, so that a write whose answer was lost, and that was sent again, knows itself.

`containers` says how the containers themselves are made.
"""

from mti.common.adapters.cosmos.containers import CONTAINERS, ContainerProperties
from mti.common.adapters.cosmos.store import CosmosContainer, CosmosStore

__all__ = ["CONTAINERS", "ContainerProperties", "CosmosContainer", "CosmosStore"]
