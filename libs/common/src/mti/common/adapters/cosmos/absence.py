"""What a 404 of Cosmos DB means: that the document is absent, or that nobody can say.

The status alone does not tell. Its substatus does
(https://learn.microsoft.com/azure/cosmos-db/nosql/troubleshoot-not-found, `SubStatusCodes` in azure-cosmos): none or 0
is an absent document; 1002 is a replica that is behind our session; 1003 is a container or database that is gone; 1013
is a container that is being made. What is read as absent is made anew by those who ask, so only the first may count.
"""

from typing import Any, Final

from azure.core.pipeline import PipelineResponse
from azure.cosmos.exceptions import CosmosHttpResponseError

from mti.common.adapters.cosmos.charges import charged

NOT_FOUND: Final = 404
_SUBSTATUS: Final = "x-ms-substatus"
_MEANINGS: Final = {
    (403, 3): "takes no writes in that region now: a failover is on its way",
    (404, 1002): "has a replica that is behind what this process wrote",
    (404, 1003): "lost its container or itself: deploy it",
    (404, 1013): "has a container that is still being made",
    (409, 1006): "is being changed by its administration",
}


def substatus_of(error: CosmosHttpResponseError) -> int:
    """Return the substatus of an answer, 0 without one."""
    return _number(error.headers.get(_SUBSTATUS)) or error.sub_status or 0


def is_absent(error: CosmosHttpResponseError) -> bool:
    """Say whether the answer means that the document does not exist, and nothing else."""
    return error.status_code == NOT_FOUND and substatus_of(error) == 0


def meaning_of(error: CosmosHttpResponseError) -> str | None:
    """Return what a status with its substatus says of the database, where the status alone would mislead."""
    return _MEANINGS.get((error.status_code or 0, substatus_of(error)))


class Doubts:
    """Watches the answers to one call, of which the SDK takes every 404 for an absence: `read_items` does.

    Use it as the call's `raw_response_hook`.
    """

    def __init__(self) -> None:
        self.substatus = 0
        """Of the last 404 that was no absence; 0 when there was none."""

    def __call__(self, response: PipelineResponse[Any, Any]) -> None:
        """Look at an answer."""
        charged(response)
        answer = response.http_response
        if answer.status_code == NOT_FOUND:
            self.substatus = _number(answer.headers.get(_SUBSTATUS)) or self.substatus


def _number(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return 0
