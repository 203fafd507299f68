"""The normalizer's books: one document a chunk that was handled, and their sums; for those that were closed see
`closed_books`.

A document has a deterministic key, so writing it a second time changes nothing. A chunk whose document exists was
handled wholly.

Detections that were rejected and dead-lettered may be replayed after an upgrade, in a chunk of their own. They came in
once, so their document *moves* them: out of the reason that the first chunk's books count them under (`corrects`), into
what became of them now. Where the first chunk's books don't count them as rejected, since it was itself handled again
by a newer release, there is nothing to move, and the document counts in no sum of detections.

A person may purge a chunk that could not be handled, or send a mended one in its place; the command writes the
document then. A *purged* chunk counts as rejected, and is handled like a new one should it ever come again: what was
handled takes the place of what was purged. A *replaced* chunk is dealt with for good, and is counted through the one
that replaces it; its own document counts only the difference, so that what came in and what a person added stay apart.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field

from mti.common.checkpoints import Versioned
from mti.common.errors import StoreUnavailable, WriteConflict
from mti.common.ports.store import Container, Document
from mti.common.races import until_won
from mti.normalizer.records.closed_books import SUMS, ClosedBooks, ClosedSum, is_kept

CONTAINER: Final = "ledger"
PURGED: Final = "Purged"
"""The reason under which detections are counted that a person dropped."""


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
    purged: bool = False
    """A person purged the chunk before it was handled; should it come again, it is handled."""
    replaced_by: str | None = None
    """The CloudEvents id of the mended chunk that a person sent in its place."""
    replacement: int = 0
    """Detections that are counted through that one."""
    added: int = 0
    """Of the detections, those that a person added."""
    ahead: int = 0
    """Of the detections, those that were dated later than their page and were given its time."""

    @property
    def handled(self) -> bool:
        """Whether there is nothing left to do should the chunk come again."""
        return not self.purged

    @property
    def final(self) -> bool:
        """Whether nothing will change these books: no person purged or replaced the chunk."""
        return self.handled and self.replaced_by is None

    @classmethod
    def of_purged(cls, detections: int) -> Self:
        """Return the books of a chunk that a person purged."""
        return cls(detections=detections, rejected=_rejected(detections), purged=True)

    @classmethod
    def of_replaced(cls, detections: int, replaced_by: str, replacement: int) -> Self:
        """Return the books of a chunk that a person mended: only what differs is counted here.

        Args:
            detections: what it held.
            replaced_by: the mended chunk's CloudEvents id.
            replacement: what the mended one holds.
        """
        dropped = max(0, detections - replacement)
        return cls(
            detections=dropped,
            rejected=_rejected(dropped),
            replaced_by=replaced_by,
            replacement=replacement,
            added=max(0, replacement - detections),
        )


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
    added: int = 0
    """Of the detections, those that a person added when mending chunks."""
    ahead: int = 0
    """Of the detections, those that were dated later than their page and were given its time."""
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
        self.added += books.added
        if books.replayed_from_rejected:
            more = books.detections - sum(books.corrects.values())
            self.detections += more
            self.added += more
        else:
            self.chunks += books.replaced_by is None
            self.detections += books.detections
        self.ahead += books.ahead
        self.new += books.new
        self.refreshed += books.refreshed
        self.suppressed += books.suppressed
        self.rejected.update(books.rejected)
        self.rejected.subtract(books.corrects)

    def carry(self, closed: ClosedSum) -> None:
        """Add what was closed before."""
        self.chunks += closed.chunks
        self.detections += closed.detections
        self.new += closed.new
        self.refreshed += closed.refreshed
        self.suppressed += closed.suppressed
        self.rejected.update(closed.rejected)
        self.ahead += closed.ahead
        self.added += closed.added
        self.indicators_new += closed.indicators_new
        self.indicators_refreshed += closed.indicators_refreshed

    def closed_sum(self, closing: Iterable[str]) -> ClosedSum:
        """Return these as a sum to be kept.

        Args:
            closing: the chunks among them that may still stand among the open ones.
        """
        counts = {name: getattr(self, name) for name in ClosedSum.model_fields if name not in ("rejected", "closing")}
        return ClosedSum(**counts, rejected=dict(sorted(self.rejected.items())), closing=tuple(closing))


class Ledger:
    """The books in the store, a partition a source."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self.closed = ClosedBooks(container)

    async def read(self, source: str, chunk_id: str) -> ChunkBooks | None:
        """Return the books of a chunk, by its CloudEvents id; `None` while it is neither handled wholly nor purged."""
        # The closed ones after the open ones: a chunk is kept there before it leaves here.
        document = await self._container.read(source, chunk_id) or await self.closed.read(source, chunk_id)
        return None if document is None else ChunkBooks.model_validate(document.body)

    async def write(self, source: str, chunk_id: str, books: ChunkBooks) -> None:
        """Write the books of a chunk. Those that are there already stay, unless they are of a purge.

        Raises:
            StoreUnavailable: the store does not answer, or others write these books again and again.
        """
        if not books.final and await self.closed.read(source, chunk_id) is not None:
            return
        document = _document(source, chunk_id, books)

        async def attempt() -> None:
            nonlocal document
            try:
                await self._container.write(document)
            except WriteConflict:
                there = await self._container.read(source, chunk_id)
                if there is not None and ChunkBooks.model_validate(there.body).handled:
                    return
                document = replace(document, etag=None if there is None else there.etag)
                raise WriteConflict(f"{source}: the books of chunk {chunk_id} are being written") from None

        await until_won(attempt)

    async def enter_purged(self, source: str, detections: Mapping[str, int]) -> None:
        """Enter chunks that a person purges, before they are removed; books that are there already stay.

        Args:
            source: the source's id.
            detections: of each chunk, by the chunk's CloudEvents id.
        """
        closed = await self.closed.which(source, list(detections))
        await self._container.write_many(
            [
                _document(source, chunk, ChunkBooks.of_purged(count))
                for chunk, count in detections.items()
                if chunk not in closed
            ]
        )

    async def reopen(self, source: str, chunk_id: str, detections: int) -> None:
        """Let a chunk be handled that was replaced, since a person is about to send it again.

        Raises:
            StoreUnavailable: the store does not answer, or somebody else writes these books.
        """
        there = await self._container.read(source, chunk_id)
        if there is None or ChunkBooks.model_validate(there.body).replaced_by is None:
            return
        try:
            await self._container.write(
                replace(_document(source, chunk_id, ChunkBooks.of_purged(detections)), etag=there.etag)
            )
        except WriteConflict:
            raise StoreUnavailable(
                f"{source}: the books of chunk {chunk_id} are being written by somebody else as well; do it again"
            ) from None

    async def scan(self, source: str) -> AsyncIterator[tuple[str, ChunkBooks]]:
        """Yield the open chunks of a source, in the order of their ids."""
        async for document in self._container.scan(source):
            if is_kept(document.id):
                return
            yield document.id, ChunkBooks.model_validate(document.body)

    async def sources(self) -> list[str]:
        """Return the sources that have books."""
        found = {partition async for partition in self._container.partitions()} - {SUMS}
        return sorted(found | {source async for source in self.closed.sources()})

    async def totals(self, source: str) -> Totals:
        """Sum a source up; memory is bounded by a page of the store.

        Raises:
            StoreUnavailable: the store does not answer, or chunks are being closed again and again.
        """

        async def attempt() -> Totals:
            before = await self.closed.sum_of(source)
            totals = Totals()
            totals.carry(before.value)
            counted = set(before.value.closing)
            async for chunk, books in self.scan(source):
                if chunk not in counted:
                    totals.add(books)
            if not await self.unchanged(before):
                raise WriteConflict(f"{source}: its books were being closed while they were read")
            return totals

        return await until_won(attempt)

    async def unchanged(self, before: Versioned[ClosedSum]) -> bool:
        """Say whether no chunk was closed since that sum was read, so that what was scanned since goes with it."""
        return (await self.closed.sum_of(before.key)).value == before.value

    async def close(self, before: Versioned[ClosedSum], chunks: Mapping[str, ChunkBooks]) -> Versioned[ClosedSum]:
        """Take open chunks into the sum; `sweep` removes them from the open ones, and must before the next `close`.

        Args:
            before: the sum as it was read before the chunks were; none of its `closing` is among the open ones any
                more.
            chunks: with their books, which are final.

        Raises:
            WriteConflict: somebody else closed meanwhile; nothing changed.
        """
        source = before.key
        await self.closed.keep(source, {id: _document(source, id, books).body for id, books in chunks.items()})
        totals = Totals()
        totals.carry(before.value)
        for books in chunks.values():
            totals.add(books)
        return await self.closed.save(before.with_value(totals.closed_sum(chunks)))

    async def sweep(self, source: str, chunk: str) -> None:
        """Remove a chunk from the open books that the sum counts."""
        await self._container.delete(source, chunk)


def _rejected(count: int) -> dict[str, int]:
    return {PURGED: count} if count else {}


def _document(source: str, chunk_id: str, books: ChunkBooks) -> Document:
    return Document(partition=source, id=chunk_id, body=books.model_dump(mode="json", exclude_defaults=True))
