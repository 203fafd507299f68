"""The normalizer's books: one document a chunk that was handled, and their sums.

A document has a deterministic key, so writing it a second time changes nothing. A chunk whose document exists was
handled wholly.

Detections that were rejected and dead-lettered may be replayed after an upgrade, in a chunk of their own. They came in
once, so their document *moves* them: out of the reason that the first chunk's books count them under (`corrects`), into
what became of them now. Where the first chunk's books don't count them as rejected, since it was itself handled again
by a newer release, there is nothing to move, and the document counts in no sum of detections.
"""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from mti.common.errors import WriteConflict
from mti.common.ports.store import Container, Document

CONTAINER: Final = "ledger"


class IndicatorCounts(BaseModel):
    """Indicators, over all scopes."""

    model_config = ConfigDict(frozen=True)

    new: int = 0
    refreshed: int = 0


class ChunkBooks(BaseModel):
    """What became of the detections of one chunk: `detections` is the sum of the four others."""

    model_config = ConfigDict(frozen=True)

    detections: int
    new: int = 0
    refreshed: int = 0
    suppressed: int = 0
    rejected: dict[str, int] = Field(default_factory=dict)
    """By reason."""
    indicators: IndicatorCounts = IndicatorCounts()
    replayed_from_rejected: bool = False
    """These detections came in with another chunk, and were rejected there."""
    corrects: dict[str, int] = Field(default_factory=dict)
    """What is to be taken off the rejected of that chunk."""


@dataclass(slots=True)
class Totals:
    """One source, summed up."""

    chunks: int = 0
    """As they came from the fetcher; replayed rejections are not among them."""
    detections: int = 0
    new: int = 0
    refreshed: int = 0
    suppressed: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    indicators_new: int = 0
    indicators_refreshed: int = 0

    @property
    def closed(self) -> bool:
        """Whether every detection that was handled is accounted for."""
        return self.detections == self.new + self.refreshed + self.suppressed + self.rejected.total()

    def add(self, books: ChunkBooks) -> None:
        """Add a chunk."""
        self.indicators_new += books.indicators.new
        self.indicators_refreshed += books.indicators.refreshed
        if books.replayed_from_rejected and not books.corrects:
            return
        if not books.replayed_from_rejected:
            self.chunks += 1
            self.detections += books.detections
        self.new += books.new
        self.refreshed += books.refreshed
        self.suppressed += books.suppressed
        self.rejected.update(books.rejected)
        self.rejected.subtract(books.corrects)


class Ledger:
    """The books in the store, a partition a source."""

    def __init__(self, container: Container) -> None:
        self._container = container

    async def read(self, source: str, chunk_id: str) -> ChunkBooks | None:
        """Return the books of a chunk, by its CloudEvents id; `None` while it is not handled wholly."""
        document = await self._container.read(source, chunk_id)
        return None if document is None else ChunkBooks.model_validate(document.body)

    async def write(self, source: str, chunk_id: str, books: ChunkBooks) -> None:
        """Write the books of a chunk. Those that are there already stay."""
        body = books.model_dump(mode="json", exclude_defaults=True)
        try:
            await self._container.write(Document(partition=source, id=chunk_id, body=body))
        except WriteConflict:
            return

    async def scan(self, source: str) -> AsyncIterator[tuple[str, ChunkBooks]]:
        """Yield the chunks of a source, in the order of their ids."""
        async for document in self._container.scan(source):
            yield document.id, ChunkBooks.model_validate(document.body)

    async def sources(self) -> list[str]:
        """Return the sources that have books."""
        return sorted([partition async for partition in self._container.partitions()])

    async def totals(self, source: str) -> Totals:
        """Sum a source up; memory is bounded by a page of the store."""
        found = Totals()
        async for _, books in self.scan(source):
            found.add(books)
        return found
