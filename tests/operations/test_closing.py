"""Closed books: a look reads what is new and a sum, and says the same as one that read everything."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts.envelope import PREFIX
from mti.common.errors import StoreUnavailable
from mti.common.ports.store import Container, Document, Key, Store
from mti.fetcher.records import Ledger as FetchLedger
from mti.normalizer.records import ChunkBooks, IndicatorCounts
from mti.normalizer.records import Ledger as NormalizeLedger
from mti.operations.books import SourceBooks
from mti.operations.closing import CLOSED_AFTER
from mti.operations.sources import SourceAudit
from mti.operations.totals import Totals
from tests.normalizer.world import CUSTOMER, World, message, stix

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BEFORE = NOW - CLOSED_AFTER - timedelta(minutes=1)


class StillClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.05))


@dataclass
class Limits:
    """What a store may still do, and what it did."""

    changes: int | None = None
    """Writes and removals until it answers no more; `None` is any number."""
    read: int = 0
    """Documents that scans yielded."""

    def change(self) -> None:
        if self.changes is not None:
            if self.changes == 0:
                raise StoreUnavailable("the store does not answer")
            self.changes -= 1


class Watched:
    """A container that counts what is scanned and ends where it is told."""

    def __init__(self, inner: Container, limits: Limits) -> None:
        self._inner = inner
        self._limits = limits

    async def read(self, partition: str, id: str) -> Document | None:
        return await self._inner.read(partition, id)

    async def read_many(self, partition: str, ids: Sequence[str]) -> dict[str, Document]:
        return await self._inner.read_many(partition, ids)

    async def read_each(self, keys: Sequence[Key]) -> dict[Key, Document]:
        return await self._inner.read_each(keys)

    async def write(self, document: Document) -> Document:
        self._limits.change()
        return await self._inner.write(document)

    async def write_many(self, documents: Sequence[Document]) -> list[Document | None]:
        self._limits.change()
        return await self._inner.write_many(documents)

    async def delete(self, partition: str, id: str) -> None:
        self._limits.change()
        await self._inner.delete(partition, id)

    async def scan(self, partition: str, *, after: str = "", before: str | None = None) -> AsyncIterator[Document]:
        async for document in self._inner.scan(partition, after=after, before=before):
            self._limits.read += 1
            yield document

    async def partitions(self) -> AsyncIterator[str]:
        async for partition in self._inner.partitions():
            yield partition


class WatchedStore:
    def __init__(self, inner: Store, limits: Limits) -> None:
        self._inner = inner
        self._limits = limits

    def container(self, name: str) -> Container:
        return Watched(self._inner.container(name), self._limits)

    async def close(self) -> None:
        await self._inner.close()


@dataclass
class Books:
    """The books of two services."""

    fetcher: Store
    normalizer: Store

    async def chunk(self, id: str, books: ChunkBooks | None, *, detections: int = 5, at: datetime = BEFORE) -> None:
        await FetchLedger(self.fetcher.container("ledger")).enter(CUSTOMER, {id: detections}, at)
        if books is not None:
            await NormalizeLedger(self.normalizer.container("ledger")).write(CUSTOMER, id, books)

    async def look(self, limits: Limits | None = None) -> SourceBooks:
        watched = limits or Limits()
        audit = SourceAudit(WatchedStore(self.fetcher, watched), WatchedStore(self.normalizer, watched), StillClock())
        books, unhandled = await audit.of(CUSTOMER, None)
        books.waiting = sum(unhandled.values())
        return books

    @property
    def ledger(self) -> NormalizeLedger:
        return NormalizeLedger(self.normalizer.container("ledger"))

    @property
    def fetched(self) -> FetchLedger:
        return FetchLedger(self.fetcher.container("ledger"))

    async def open_chunks(self) -> set[str]:
        return {chunk async for chunk, _ in self.ledger.scan(CUSTOMER)} | {
            chunk async for chunk, _ in self.fetched.scan(CUSTOMER)
        }


HANDLED = ChunkBooks(
    detections=5, new=2, refreshed=1, suppressed=1, rejected={"BadHash": 1}, indicators=IndicatorCounts(new=4)
)


@pytest.fixture
async def books(tmp_path: Path) -> AsyncIterator[Books]:
    found = Books(packed(SqliteStore(tmp_path / "fetcher.db")), packed(SqliteStore(tmp_path / "normalizer.db")))
    yield found
    await found.fetcher.close()
    await found.normalizer.close()


async def every_kind(books: Books) -> None:
    """Enter chunks of every kind that there is."""
    for number in range(4):
        await books.chunk(f"handled-{number}", HANDLED)
    await books.chunk("waiting", None)
    await books.chunk("young", HANDLED, at=NOW - timedelta(minutes=1))
    await books.chunk("purged", ChunkBooks.of_purged(5))
    await books.chunk("replaced", ChunkBooks.of_replaced(5, "mended", 4))
    moved = ChunkBooks(detections=1, new=1, replayed_from_rejected=True, corrects={"BadHash": 1})
    await books.ledger.write(CUSTOMER, "part", moved)
    await books.ledger.write(CUSTOMER, "sent-and-not-entered", HANDLED)


async def test_a_look_reads_what_is_new_and_not_what_earlier_ones_closed(books: Books) -> None:
    for number in range(300):
        await books.chunk(f"chunk-{number:03}", HANDLED)
    first, second = Limits(), Limits()
    before = await books.look(first)
    await books.chunk("new-1", HANDLED, at=NOW)
    await books.chunk("new-2", None, at=NOW)
    after = await books.look(second)
    assert first.read >= 600
    assert second.read <= 4
    assert (before.detections, before.new, before.lost + before.waiting) == (1500, 600, 0)
    assert (after.detections, after.new, after.rejected, after.waiting) == (1510, 602, {"BadHash": 301}, 5)
    assert after.indicators_new == 4 * 301


async def test_closing_changes_no_sum_whatever_a_person_did_to_the_chunks(books: Books) -> None:
    await every_kind(books)
    first = await books.look()
    assert await books.open_chunks() == {
        "waiting", "young", "purged", "replaced", "part", "sent-and-not-entered"
    }  # fmt: skip
    assert await books.look() == first
    assert first.closed
    totals = await books.ledger.totals(CUSTOMER)
    assert (totals.chunks, totals.detections, totals.closed) == (7, 36, True)
    assert await books.ledger.sources() == [CUSTOMER]


async def test_a_store_that_fails_at_any_step_of_closing_leaves_the_same_sums(books: Books, tmp_path: Path) -> None:
    await every_kind(books)
    truth = await books.look(Limits(changes=0))
    steps = 0
    for changes in range(200):
        folder = tmp_path / str(changes)
        folder.mkdir()
        again = Books(packed(SqliteStore(folder / "fetcher.db")), packed(SqliteStore(folder / "normalizer.db")))
        await every_kind(again)
        limits = Limits(changes=changes)
        assert await again.look(limits) == truth
        assert await again.look(Limits(changes=0)) == truth
        assert (await again.ledger.totals(CUSTOMER)).detections == 36
        assert await again.look() == truth
        assert await again.look() == truth
        assert not {chunk for chunk in await again.open_chunks() if chunk.startswith("handled")}
        await again.fetcher.close()
        await again.normalizer.close()
        steps = changes
        if limits.changes:
            break
    assert steps > 8


async def test_looks_at_the_same_time_say_the_same_and_close_each_chunk_once(books: Books) -> None:
    for number in range(450):
        await books.chunk(f"chunk-{number:03}", HANDLED)
    found = await asyncio.gather(*(books.look() for _ in range(4)))
    assert {look.detections for look in found} == {2250}
    assert all(look.closed for look in found)
    last = await books.look()
    assert (last.detections, last.new, last.suppressed) == (2250, 900, 450)
    assert (await books.ledger.closed.sum_of(CUSTOMER)).value.chunks <= 450


async def test_a_page_that_is_published_again_after_its_chunks_were_closed_is_not_missed(books: Books) -> None:
    await books.chunk("chunk", HANDLED)
    await books.chunk("later", HANDLED)
    first = await books.look()
    await books.fetched.enter(CUSTOMER, {"chunk": 5}, NOW)
    again = await books.look()
    assert again == first
    assert again.closed
    assert await books.open_chunks() == set()


async def test_a_closed_chunk_that_is_purged_or_mended_as_a_dead_letter_stays_counted_as_handled(books: Books) -> None:
    await books.chunk("chunk", HANDLED)
    first = await books.look()
    await books.ledger.enter_purged(CUSTOMER, {"chunk": 5})
    await books.ledger.write(CUSTOMER, "chunk", ChunkBooks.of_replaced(5, "mended", 3))
    assert await books.look() == first
    assert await books.ledger.read(CUSTOMER, "chunk") == HANDLED


async def test_a_closed_chunk_that_comes_again_is_known_and_changes_nothing(normalized: World, tmp_path: Path) -> None:
    chunk = message(stix("a"), stix("b"))
    await normalized.normalizer()([chunk])
    books = Books(packed(SqliteStore(tmp_path / "fetcher.db")), normalized.store)
    await books.fetched.enter(CUSTOMER, {str(chunk.properties[f"{PREFIX}id"]): 2}, BEFORE)
    first = await books.look()
    assert await books.open_chunks() == set()
    normalized.indicators.sent.clear()
    await normalized.normalizer()([chunk])
    assert normalized.indicators.sent == []
    assert await books.look() == first
    assert (first.detections, first.new) == (2, 2)
    await books.fetcher.close()


async def test_who_watches_sees_the_same_figures_after_closing(books: Books) -> None:
    await every_kind(books)
    before = await Totals.of(books.fetcher, books.normalizer)
    await books.look()
    assert await Totals.of(books.fetcher, books.normalizer) == before


async def test_a_store_that_may_only_be_read_is_looked_at_all_the_same(books: Books) -> None:
    await books.chunk("chunk", HANDLED)
    assert (await books.look(Limits(changes=0))).closed
    assert await books.open_chunks() == {"chunk"}
