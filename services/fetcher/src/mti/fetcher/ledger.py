"""The fetcher's books: one document a chunk that the broker has confirmed.

    {"partition": source, "id": CloudEvents id of the chunk, "body": {"detections": n, "at": "2026-…"}}

The id is the chunk's content, so that a page that is published twice is counted once.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Final

from mti.common.ports.store import Container, Document

CONTAINER: Final = "ledger"


class Ledger:
    """Writes down what was published.

    Args:
        container: the store's container `ledger`.
    """

    def __init__(self, container: Container) -> None:
        self._container = container

    async def enter(self, source: str, detections: Mapping[str, int], at: datetime) -> None:
        """Enter chunks of a source; those that are there already stay as they are.

        Args:
            source: the source's id.
            detections: of each chunk, by the chunk's CloudEvents id.
            at: the time.
        """
        await self._container.write_many(
            [
                Document(partition=source, id=chunk, body={"detections": count, "at": at.isoformat()})
                for chunk, count in detections.items()
            ]
        )

    async def scan(self, source: str) -> AsyncIterator[tuple[str, int]]:
        """Yield the chunks of a source, in the order of their ids, each with how many detections it holds."""
        async for document in self._container.scan(source):
            detections = document.body["detections"]
            assert isinstance(detections, int)  # noqa: S101  only `enter` writes here
            yield document.id, detections

    async def sources(self) -> AsyncIterator[str]:
        """Yield the sources that have books."""
        async for source in self._container.partitions():
            yield source
