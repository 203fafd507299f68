"""What a look at many sources asks of the stores: it grows with what is open, and not with what was closed before."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mti.common.adapters.packed import PackedStore, packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.ports.clock import SystemClock
from mti.common.ports.store import Document
from mti.common.registry import Registry
from mti.fetcher.records import FETCHED
from mti.fetcher.records import Ledger as Fetched
from mti.normalizer.records import HANDLED, ChunkBooks
from mti.normalizer.records import Ledger as Handled
from mti.operations.sources import SourceAudit
from tests.support.statements import rows_brought

NOW = datetime.now(UTC)
SOURCES = [f"customer-{number:03}/malware_customer" for number in range(64)]


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[tuple[PackedStore, PackedStore]]:
    fetcher, normalizer = packed(SqliteStore(tmp_path / "fetcher.db")), packed(SqliteStore(tmp_path / "normalizer.db"))
    for source in SOURCES:
        await Fetched(fetcher.container(FETCHED)).enter(source, {"open": 3}, NOW)
        await Handled(normalizer.container(HANDLED)).write(source, "open", ChunkBooks(detections=3, new=3))
    yield fetcher, normalizer
    await fetcher.close()
    await normalizer.close()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each statement brought."""
    return rows_brought(monkeypatch)


async def looked(fetcher: PackedStore, normalizer: PackedStore) -> int:
    audit = SourceAudit(fetcher, normalizer, SystemClock())
    found = [
        books
        async for books, unhandled in audit.each(Registry(sources={}, destinations={}, routes=()))
        if not unhandled
    ]
    assert [books.source for books in found] == SOURCES
    return sum(books.new for books in found)


async def test_a_look_at_many_sources_is_two_statements_for_each_and_a_few(
    stores: tuple[PackedStore, PackedStore], read: list[int]
) -> None:
    assert await looked(*stores) == 3 * len(SOURCES)
    assert len(read) <= 2 * len(SOURCES) + 12
    assert sum(read) <= 4 * len(SOURCES) + 4


async def test_chunks_that_were_closed_are_not_read_again(
    stores: tuple[PackedStore, PackedStore], read: list[int]
) -> None:
    closed = stores[1].container(HANDLED)
    for source in SOURCES:
        await closed.write_many([Document(partition=source, id=f"~{n:03}", body={"detections": 1}) for n in range(100)])
    read.clear()
    assert await looked(*stores) == 3 * len(SOURCES)
    assert sum(read) <= 4 * len(SOURCES) + 4
