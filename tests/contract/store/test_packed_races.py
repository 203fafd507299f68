"""Packs that several write to at once: who was away for long, and who does the same as others."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from pydantic import JsonValue

from mti.common.adapters.packed import Limits, PackedStore
from mti.common.adapters.packed.forms import HEAD, entries_in
from mti.common.adapters.sqlite import SqliteStore
from mti.common.errors import StoreUnavailable
from mti.common.ports.store import Container, Document, Store
from mti.simulation.store import MemoryStore
from tests.contract.store.test_packed_model import MortalContainer, OneContainer, pack_of
from tests.support.clocks import HandClock

T = TypeVar("T")

FOUR = Limits(epoch_documents=4, epoch_entries=50, page_bytes=2000, index_pages=4, fan_in=2)
TINY = Limits(epoch_documents=3, epoch_entries=50, page_bytes=2000, index_pages=4, fan_in=2)


def packed(below: Container, clock: HandClock, limits: Limits = TINY) -> Container:
    return PackedStore(OneContainer(below), {"known": pack_of}, clock, limits).container("known")


def document(id: str, etag: str | None = None, **body: int) -> Document:
    return Document(partition="contoso#0", id=id, body=dict(body), etag=etag)


class Gate(MortalContainer):
    """Holds what is written to it until it is opened: everything, or what has one id."""

    def __init__(self, inner: Container, only: str | None = None) -> None:
        super().__init__(inner)
        self._only = only
        self.open = asyncio.Event()
        self.reached = asyncio.Event()

    async def write(self, document: Document) -> Document:
        if self._only in {None, document.id}:
            self.reached.set()
            await self.open.wait()
        return await super().write(document)


class LateLook(MortalContainer):
    """Holds the first that looks at the head once it is told to, and lets all others look."""

    def __init__(self, inner: Container) -> None:
        super().__init__(inner)
        self.armed = False
        self.open = asyncio.Event()
        self.reached = asyncio.Event()

    async def read(self, partition: str, id: str) -> Document | None:
        if self.armed:
            self.armed = False
            self.reached.set()
            await self.open.wait()
        return await super().read(partition, id)


class LostAnswer(MortalContainer):
    """Takes the first write, and does not say so."""

    def __init__(self, inner: Container) -> None:
        super().__init__(inner)
        self.lost = False

    async def write(self, document: Document) -> Document:
        written = await super().write(document)
        if not self.lost:
            self.lost = True
            raise StoreUnavailable("the answer was lost")
        return written


class Straggling(MortalContainer):
    """Is passed by others before each call and after it, now and then by many; whom, a seed decides."""

    def __init__(self, inner: Container, rng: random.Random) -> None:
        super().__init__(inner)
        self._rng = rng

    async def _call(self, call: Callable[[], Awaitable[T]]) -> T:
        await self._straggle()
        found = await call()
        await self._straggle()
        return found

    async def _straggle(self) -> None:
        for _ in range(self._rng.choice((0, 0, 1, 1, 2, 5, 20, 100))):
            await asyncio.sleep(0)


async def count(container: Container, times: int) -> None:
    """Add one to what is counted, so many times; a race that is lost does not count."""
    won = 0
    while won < times:
        there = await container.read("contoso#0", "count") or document("count", n=0)
        body: dict[str, JsonValue] = {"n": int(str(there.body["n"])) + 1}
        [written] = await container.write_many([replace(there, body=body)])
        won += written is not None


async def _ids(container: Container) -> list[str]:
    return [found.id async for found in container.scan("contoso#0")]


async def test_who_slept_while_its_number_was_used_and_removed_loses_nothing() -> None:
    clock = HandClock()
    below = MemoryStore(clock).container("known")
    gate = Gate(below)
    sleeper, other = packed(gate, clock), packed(below, clock)
    await other.write(document("first"))
    sleeping = asyncio.create_task(sleeper.write_many([document("slept"), document("first")]))
    await gate.reached.wait()
    for number in range(40):
        await other.write(document(f"other-{number:02}"))
    numbers = [found.id async for found in below.scan("packed|contoso") if found.id.startswith("journal!")]
    assert "journal!0000000000!000001" not in numbers, "its number is free again"
    gate.open.set()
    slept, first = await sleeping
    assert slept is not None
    assert first is None
    assert await _ids(other) == ["first", *(f"other-{number:02}" for number in range(40)), "slept"]
    assert await packed(below, clock).read("contoso#0", "slept") == slept


@pytest.mark.parametrize("over", [False, True])
async def test_who_looks_late_whether_its_write_counts_finds_that_it_did(over: bool) -> None:
    clock = HandClock()
    below = MemoryStore(clock).container("known")
    look = LateLook(below)
    slow, other = packed(look, clock), packed(below, clock)
    assert await slow.read("contoso#0", "slow") is None
    look.armed = True
    writing = asyncio.create_task(slow.write_many([document("slow", n=1)]))
    await look.reached.wait()
    found = await other.read("contoso#0", "slow")
    assert found is not None
    stands = await other.write(replace(found, body={"n": 2})) if over else found
    for number in range(4):
        await other.write(document(f"other-{number}"))
    assert [found.id async for found in below.scan("packed|contoso") if found.id.startswith("page!")]
    look.open.set()
    assert await writing == [found], "it was written, whoever wrote over it"
    assert await other.read("contoso#0", "slow") == await slow.read("contoso#0", "slow") == stands


async def test_who_learns_late_that_it_wrote_forgets_nothing_that_came_after() -> None:
    """A new head comes, and a newer version, while a process waits to hear whether its own write counts."""
    clock = HandClock()
    below = MemoryStore(clock).container("known")
    held, late = Gate(below, only=HEAD), LateLook(below)
    compacting, slow, other = packed(held, clock, FOUR), packed(late, clock, FOUR), packed(below, clock, FOUR)
    for number in range(3):
        await compacting.write(document(f"id-{number}"))
    ending = asyncio.create_task(compacting.write(document("id-3")))
    await held.reached.wait()
    first = await other.write(document("count", n=1))
    assert await slow.read("contoso#0", "count") == first
    late.armed = True
    writing = asyncio.create_task(slow.write(replace(first, body={"n": 2})))
    await late.reached.wait()
    held.open.set()
    await ending
    second = await other.read("contoso#0", "count")
    assert second is not None
    third = await other.write(replace(second, body={"n": 3}))
    assert await slow.read("contoso#0", "count") == third
    late.open.set()
    assert await writing == second
    assert await slow.read("contoso#0", "count") == third
    assert await slow.write_many([replace(second, body={"n": 4})]) == [None]
    assert await other.read("contoso#0", "count") == third


async def test_a_number_at_which_a_process_has_written_before_is_not_taken_for_written_again() -> None:
    """It never heard that its first write counted, and comes back when the number is free again."""
    clock = HandClock()
    below = MemoryStore(clock).container("known")
    lost = LostAnswer(below)
    unaware, other = packed(lost, clock), packed(below, clock)
    assert await unaware.read("contoso#0", "second") is None
    with pytest.raises(StoreUnavailable):
        await unaware.write(document("first"))
    for number in range(8):
        await other.write(document(f"other-{number}"))
    numbers = [found.id async for found in below.scan("packed|contoso") if found.id.startswith("journal!")]
    assert "journal!0000000000!000000" not in numbers, "its number is free again"
    second = await unaware.write(document("second"))
    assert await _ids(other) == ["first", *(f"other-{number}" for number in range(8)), "second"]
    assert await other.read("contoso#0", "second") == second


async def test_a_head_of_the_release_before_is_read_and_gone_on_with() -> None:
    clock = HandClock()
    below = MemoryStore(clock).container("known")
    before = packed(below, clock)
    for number in range(8):
        await before.write(document(f"id-{number}"))
    head = await below.read("packed|contoso", "head")
    assert head is not None
    kept: dict[str, JsonValue] = {name: head.body[name] for name in ("epoch", "runs", "garbage")}
    await below.write(replace(head, body=kept))
    after = packed(below, clock)
    for number in range(8, 16):
        await after.write(document(f"id-{number}"))
    assert await _ids(after) == await _ids(before) == sorted(f"id-{number}" for number in range(16))


async def test_a_reader_by_an_old_head_reads_what_stands_now() -> None:
    clock = HandClock()
    below = MemoryStore(clock).container("known")
    reader, writer = packed(below, clock), packed(below, clock)
    found = await writer.write(document("a", n=0))
    assert await reader.read("contoso#0", "a") == found
    for number in range(1, 60):
        found = await writer.write(replace(found, body={"n": number}))
        await writer.write(document(f"b-{number:02}"))
    assert await reader.read("contoso#0", "a") == found
    assert await reader.read("contoso#0", "b-30") is not None


async def test_a_scan_goes_on_while_the_book_is_compacted() -> None:
    clock = HandClock()
    below = MemoryStore(clock).container("known")
    reader, writer = packed(below, clock), packed(below, clock)
    ids = [f"id-{number:03}" for number in range(200)]
    await writer.write_many([document(id) for id in ids])
    seen: list[str] = []
    async for found in reader.scan("contoso#0"):
        seen.append(found.id)
        if len(seen) % 40 == 0:
            for number in range(12):
                await writer.write(document(f"zz-{len(seen)}-{number:02}"))
    assert seen == sorted(set(seen))
    assert set(ids) <= set(seen)


async def test_many_that_write_at_once_write_each_once(tmp_path: Path) -> None:
    stores = [SqliteStore(tmp_path / "store.db") for _ in range(4)]
    clock = HandClock()
    containers = [packed(store.container("known"), clock) for store in stores]

    async def add(number: int, container: Container) -> None:
        for each in range(15):
            written = await container.write_many([document(f"{number}-{each}"), document(f"shared-{each}")])
            assert written[0] is not None

    await asyncio.gather(*(count(each, 15) for each in containers), *(add(*each) for each in enumerate(containers)))
    for container in containers:
        found = await container.read("contoso#0", "count")
        assert found is not None
        assert found.body == {"n": 60}
        assert len(await _ids(container)) == 1 + 4 * 15 + 15
    for store in stores:
        await store.close()


async def test_what_was_written_is_written_when_the_compaction_fails(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(MortalContainer):
        async def write_many(self, documents: Sequence[Document]) -> list[Document | None]:
            raise StoreUnavailable("no room for pages")

    clock = HandClock()
    below = MemoryStore(clock).container("known")
    container = packed(Failing(below), clock)
    for number in range(10):
        await container.write(document(f"id-{number}"))
    assert "could not be compacted" in caplog.text
    assert len(await _ids(container)) == 10
    mended = packed(below, clock)
    await mended.write(document("more"))
    assert len(await _ids(mended)) == 11
    kept = [found.id async for found in below.scan("packed|contoso") if found.id.startswith("page!")]
    assert kept


async def test_what_was_removed_or_has_expired_takes_no_room_in_the_end() -> None:
    clock = HandClock()
    below = MemoryStore(clock).container("known")
    container = packed(below, clock)
    await container.write_many([replace(document(f"short-{number:03}"), ttl=60) for number in range(100)])
    await container.write_many([document(f"gone-{number:03}") for number in range(20)])
    for number in range(20):
        await container.delete("contoso#0", f"gone-{number:03}")
    clock.time += timedelta(seconds=61)
    for number in range(40):
        await container.write(document(f"kept-{number:03}"))
    pages = [entries_in(found) async for found in below.scan("packed|contoso") if found.id.startswith("page!")]
    ids = {id for page in pages for _, id in page}
    assert "kept-000" in ids
    assert not any(id.startswith(("short-", "gone-")) for id in ids)
    assert await _ids(container) == [f"kept-{number:03}" for number in range(40)]


async def test_a_store_closes_what_lies_below(tmp_path: Path) -> None:
    below = SqliteStore(tmp_path / "store.db")
    store: Store = PackedStore(below, {"known": pack_of})
    await store.container("known").write(document("a"))
    await store.close()
    with pytest.raises(RuntimeError, match="closed"):
        await below.container("known").read("contoso#0", "a")


@pytest.mark.parametrize("seed", range(20))
async def test_whoever_straggles_each_write_counts_once(seed: int) -> None:
    clock, rng = HandClock(), random.Random(seed)
    below = MemoryStore(clock).container("known")
    containers = [packed(Straggling(below, rng), clock) for _ in range(3)]

    async def add(number: int, container: Container) -> None:
        for each in range(20):
            [written] = await container.write_many([document(f"{number}-{each}", n=each)])
            assert written is not None

    async def look(container: Container) -> None:
        last = 0
        for _ in range(60):
            if (found := await container.read("contoso#0", "count")) is not None:
                assert last <= int(str(found.body["n"])), "what was read before is not undone"
                last = int(str(found.body["n"]))

    tasks = [each for container in containers for each in (count(container, 20), look(container))]
    await asyncio.gather(*tasks, *(add(*each) for each in enumerate(containers)))
    for container in (*containers, packed(below, clock)):
        found = await container.read("contoso#0", "count")
        assert found is not None
        assert found.body == {"n": 60}
        assert await _ids(container) == sorted(
            ["count", *(f"{number}-{each}" for number in range(3) for each in range(20))]
        )
