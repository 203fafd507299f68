"""The fetcher's books: one document a chunk that the broker has confirmed.

    {"partition": source, "id": CloudEvents id of the chunk, "body": {"detections": n, "at": "2026-…"}}

The id is the chunk's content, so that a page that is published twice is counted once. A document lives until its chunk
is known to be handled and counted there for good.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from mti.common.ports.store import Container, Document

CONTAINER: Final = "ledger"


class Entry(NamedTuple):
    """One chunk that was published."""

    detections: int
    at: datetime
    """When it was entered."""


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

    async def look_up(self, source: str, chunks: Sequence[str]) -> dict[str, int]:
        """Return how many detections those of a source's chunks hold that were published, by CloudEvents id."""
        documents = await self._container.read_many(source, chunks)
        return {chunk: _detections(document) for chunk, document in documents.items()}

    async def scan(self, source: str) -> AsyncIterator[tuple[str, int]]:
        """Yield the chunks of a source, in the order of their ids, each with how many detections it holds."""
        async for id, entry in self.entries(source):
            yield id, entry.detections

    async def entries(self, source: str) -> AsyncIterator[tuple[str, Entry]]:
        """Yield the chunks of a source, in the order of their ids."""
        async for document in self._container.scan(source):
            yield document.id, Entry(_detections(document), datetime.fromisoformat(str(document.body["at"])))

    async def remove(self, source: str, chunk: str) -> None:
        """Remove a chunk that was handled and is counted among the normalizer's closed ones."""
        await self._container.delete(source, chunk)

    async def sources(self) -> AsyncIterator[str]:
        """Yield the sources that have books."""
        async for source in self._container.partitions():
            yield source


def _detections(document: Document) -> int:
    detections = document.body["detections"]
    assert isinstance(detections, int)  # noqa: S101  only `enter` writes here
    return detections
