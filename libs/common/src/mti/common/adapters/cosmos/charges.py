"""What Cosmos DB charged for a request: request units, in a header of every answer
(https://learn.microsoft.com/azure/cosmos-db/nosql/find-request-unit-charge).
"""

import contextlib
from typing import Any, Final
from urllib.parse import urlsplit

from azure.core.pipeline import PipelineResponse

from mti.common.telemetry import active

CHARGE: Final = "x-ms-request-charge"
_QUERY: Final = "x-ms-documentdb-isquery"
_OPERATIONS: Final = {"GET": "read_item", "POST": "create_item", "PUT": "replace_item", "DELETE": "delete_item"}


def charged(response: PipelineResponse[Any, Any]) -> None:
    """Record an answer's charge, by container and operation. To be given to the client as `raw_response_hook`."""
    charge = response.http_response.headers.get(CHARGE)
    container = _container_in(response.http_request.url)
    if charge is None or container is None:
        return
    query = str(response.http_request.headers.get(_QUERY, "")).lower() == "true"
    operation = "query_items" if query else _OPERATIONS.get(response.http_request.method, "other")
    with contextlib.suppress(ValueError):
        active().instruments.charged(container, operation, float(charge))


def _container_in(url: str) -> str | None:
    """Return the container of `/dbs/{database}/colls/{container}/docs/…`; `None` for a request about no document."""
    parts = urlsplit(url).path.strip("/").split("/")
    return parts[3] if len(parts) > 4 and parts[2] == "colls" and parts[4] == "docs" else None
