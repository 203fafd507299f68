"""How far a source is, for people to read: written now and then, and never backwards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mti.common.adapters.packed import PackedStore
from mti.common.errors import StoreUnavailable
from mti.common.ports.bus import Received
from mti.common.ports.store import Document
from mti.normalizer.records import OFFSET_SECONDS, Offsets
from tests.normalizer.world import CUSTOMER, GRID
from tests.support.counted import CountedContainer
from tests.support.service_world import TurnedClock, store_in

SOON = OFFSET_SECONDS / 10


class FailingContainer(CountedContainer):
    """Takes no writes while it is down."""

    down = False

    async def write(self, document: Document) -> Document:
        if self.down:
            raise StoreUnavailable("it does not answer")
        self.calls["write"] += 1
        return await self._inner.write(document)


class Process:
    """One of those that handle chunks of a source."""

    def __init__(self, store: PackedStore, clock: TurnedClock) -> None:
        self.container = FailingContainer(store.container("checkpoints"))
        self.offsets = Offsets(self.container, clock)

    async def handled(self, *numbers: int, source: str = CUSTOMER) -> None:
        for number in numbers:
            message = Received(body=b"", message_id=str(number), sequence_number=number)
            await self.offsets.advance(source, message, f"chunk {number}")

    async def shown(self, source: str = CUSTOMER) -> int:
        return (await self.offsets.load(source)).sequence_number

    @property
    def writes(self) -> int:
        return self.container.calls["write"]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[PackedStore]:
    found = store_in(tmp_path, "normalizer")
    yield found
    await found.close()


async def test_the_first_chunk_of_a_source_is_shown_at_once_and_the_next_ones_within_an_hour(
    store: PackedStore,
) -> None:
    clock = TurnedClock()
    process = Process(store, clock)
    await process.handled(1)
    await process.handled(5, source=GRID)
    assert (await process.shown(), await process.shown(GRID)) == (1, 5)
    clock.turn(seconds=SOON)
    await process.handled(2, 3)
    assert (await process.shown(), process.writes) == (1, 2)
    clock.turn(seconds=OFFSET_SECONDS)
    await process.handled(4)
    offset = await process.offsets.load(CUSTOMER)
    assert (offset.sequence_number, offset.chunk, offset.written_at) == (4, "chunk 4", clock.now())
    assert process.writes == 3


async def test_what_was_not_written_is_written_as_the_process_ends(store: PackedStore) -> None:
    process = Process(store, TurnedClock())
    await process.handled(1, 3, 2)
    await process.offsets.write_all()
    assert (await process.shown(), process.writes) == (3, 2)
    await process.offsets.write_all()
    assert process.writes == 2, "there is nothing to write"


async def test_the_highest_of_several_processes_stays(store: PackedStore) -> None:
    clock = TurnedClock()
    one, other = Process(store, clock), Process(store, clock)
    await one.handled(1, 7)
    await other.handled(2, 9)
    await asyncio.gather(other.offsets.write_all(), one.offsets.write_all())
    assert await one.shown() == 9
    clock.turn(seconds=OFFSET_SECONDS)
    await one.handled(8)
    assert await one.shown() == 9


async def test_a_store_that_takes_no_writes_does_not_keep_a_process_from_ending(store: PackedStore) -> None:
    process = Process(store, TurnedClock())
    await process.handled(1, 2)
    process.container.down = True
    await process.offsets.write_all()
    process.container.down = False
    await process.offsets.write_all()
    assert await process.shown() == 2
