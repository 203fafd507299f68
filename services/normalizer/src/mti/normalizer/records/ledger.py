"""The normalizer's books in the store: one document a chunk that was handled, and their sums.

What is counted is said in `books`; for those that were closed see `closed_books`. A document has a deterministic key,
so writing it a second time changes nothing. A chunk whose document exists was handled wholly.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Final

from mti.common.checkpoints import Versioned
from mti.common.errors import StoreUnavailable, WriteConflict
from mti.common.ports.store import Container, Document
from mti.common.races import until_won
from mti.normalizer.records.books import ChunkBooks, ClosedSum, Totals
from mti.normalizer.records.closed_books import FIRST_KEPT, SUMS, ClosedBooks

CONTAINER: Final = "ledger"


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
        async for document in self._container.scan(source, before=FIRST_KEPT):
            yield document.id, ChunkBooks.model_validate(document.body)

    async def sources(self) -> list[str]:
        """Return the sources that have books."""
        with_open_books = {partition async for partition in self._container.partitions()} - {SUMS}
        return sorted(with_open_books | {source async for source in self.closed.sources()})

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


def _document(source: str, chunk_id: str, books: ChunkBooks) -> Document:
    return Document(partition=source, id=chunk_id, body=books.model_dump(mode="json", exclude_defaults=True))
