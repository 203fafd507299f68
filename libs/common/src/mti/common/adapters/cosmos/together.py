"""Creates documents of one partition together: one request for up to 100 of them, all or none.

A request a document is what a thousand new documents take longest for, though it costs the same request units
(https://learn.microsoft.com/azure/cosmos-db/nosql/transactional-batch: 100 operations and 2 MB at most, of one logical
partition). What is there already is replaced one by one, each if it is still the version that was read.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

AT_ONCE: Final = 100
LIMIT: Final = 1_000_000
"""Characters of the bodies in one request: with all that is around them, it stays below 2 MB."""
_TOO_LARGE: Final = 413

Item = dict[str, Any]


def batches_of(items: Sequence[tuple[Item, str | None]]) -> list[list[Item]]:
    """Return which of the items are created together, each group of one partition and of two at least.

    Args:
        items: with the etag of the version that each takes the place of; `None` is a new one.
    """
    open_ones: dict[str, tuple[list[Item], int]] = {}
    batches: list[list[Item]] = []
    for item, etag in items:
        if etag is not None:
            continue
        batch, size = open_ones.get(item["partition"], ([], 0))
        if not batch or len(batch) == AT_ONCE or size + len(item["body"]) > LIMIT:
            batch, size = [], 0
            batches.append(batch)
        batch.append(item)
        open_ones[item["partition"]] = batch, size + len(item["body"])
    return [batch for batch in batches if len(batch) > 1]


async def created_together(container: ContainerProxy, items: Sequence[Item]) -> Sequence[Mapping[str, Any]] | None:
    """Create the items, and return them as they are now.

    Args:
        container: the SDK's.
        items: of one partition.

    Returns:
        `None` where one of them can't be created: then each has to be written by itself, to see which.

    Raises:
        CosmosHttpResponseError: the request as a whole was refused.
    """
    operations = [("create", (item,)) for item in items]
    try:
        results = await container.execute_item_batch(operations, items[0]["partition"])
    except CosmosBatchOperationError:
        return None
    except CosmosHttpResponseError as error:
        if error.status_code == _TOO_LARGE:
            return None
        raise
    return [result["resourceBody"] for result in results]
