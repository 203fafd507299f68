"""Names of attributes: OpenTelemetry's where it has one, `mti.…` where it has none.

Those of messaging are not stable yet, and the package that holds them marks them as its own affair; as its maintainers
advise they are written down here, and a test compares them
(https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from mti.common.source_id import SourceId

SYSTEM: Final = "messaging.system"
SERVICE_BUS: Final = "servicebus"
ENTITY: Final = "messaging.destination.name"
SUBSCRIPTION: Final = "messaging.destination.subscription.name"
OPERATION_NAME: Final = "messaging.operation.name"
OPERATION_TYPE: Final = "messaging.operation.type"
MESSAGE_ID: Final = "messaging.message.id"
MESSAGE_COUNT: Final = "messaging.batch.message_count"
BODY_SIZE: Final = "messaging.message.body.size"
DELIVERY_COUNT: Final = "messaging.servicebus.message.delivery_count"
DISPOSITION: Final = "messaging.servicebus.disposition_status"

METHOD: Final = "http.request.method"
STATUS_CODE: Final = "http.response.status_code"
URL: Final = "url.full"
TEMPLATE: Final = "url.template"
SERVER: Final = "server.address"
PORT: Final = "server.port"
ERROR: Final = "error.type"

COLLECTION: Final = "db.collection.name"
OPERATION: Final = "db.operation.name"

TENANT: Final = "mti.tenant"
"""A tenant's id; `grid:eu` for what is of a whole region, `shared` for a workspace of several tenants."""
SOURCE: Final = "mti.source"
"""A source's id. On spans only: there are too many for a metric."""
DESTINATION: Final = "mti.destination"
"""A workspace's id. On spans only."""
API: Final = "mti.api"
"""Who was called: `mimecast`, `sentinel` or `entra`."""
OUTCOME: Final = "mti.outcome"
"""What became of a detection, an indicator, an object or a message."""
REASON: Final = "mti.reason"
"""A reason code, in CamelCase."""
KIND: Final = "mti.kind"
"""What is paused: `source` or `destination`."""
DETECTIONS: Final = "mti.detections"
OBJECTS: Final = "mti.objects"

MIMECAST: Final = "mimecast"
SENTINEL: Final = "sentinel"
ENTRA: Final = "entra"
SHARED: Final = "shared"


@lru_cache(maxsize=4096)
def tenant_of(source: str) -> str:
    """Return whose a source is, by its id: `contoso` of `contoso/malware_customer`, `grid:eu` of itself."""
    return SourceId.parse(source).owner


def tenant_among(tenants: Sequence[str]) -> str:
    """Return the one tenant of a workspace, or `shared`."""
    return tenants[0] if len(tenants) == 1 else SHARED
