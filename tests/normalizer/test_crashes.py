"""A process may die at any step, and two may do the same at once: nothing is lost, and the sums are exact."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.settlement import Complete
from tests.normalizer.world import (
    CONTOSO,
    CUSTOMER,
    FABRIKAM,
    GRID,
    Crash,
    Fuse,
    Outbox,
    World,
    at,
    message,
    sha256,
    stix,
    world,
)

pytestmark = pytest.mark.pure

BROKEN = [stix("bad", pattern="[file:hashes.MD5 = 'beef']"), stix("none", pattern=" ")]
BEFORE = [stix("known", at(hours=1)), stix("old", at(hours=1))]
RECORDS = [
    *BROKEN,
    stix("known", at(hours=2)),
    stix("old", at(days=20)),
    *(stix(f"new {number % 4}", at(minutes=number)) for number in range(9)),
]
STEPS = 24
"""More than a chunk takes; the tests see to it that the last ones come too late to kill."""


async def prepared(there: World) -> Received:
    """Return a chunk with new, known and broken detections, and with one that is due for refresh."""
    await there.normalizer()([message(*BEFORE, source=GRID)])
    return message(*RECORDS, source=GRID)


def bytes_by_version(there: World) -> dict[tuple[str, str, str], set[bytes]]:
    """Return what was sent under each destination, id and version."""
    found: dict[tuple[str, str, str], set[bytes]] = {}
    for destination in (CONTOSO, FABRIKAM):
        for one in there.indicators.objects(destination):
            found.setdefault((destination, one["id"], one["modified"]), set()).add(orjson.dumps(one))
    return found


async def state_of(there: World) -> dict[str, Any]:
    """Return all that must be the same, however often a process died."""
    scopes = await there.known.sources()
    return {
        "totals": await there.ledger.totals(GRID),
        "known": {scope: await there.everything_known(scope) for scope in scopes},
        "sent": bytes_by_version(there),
        "parts": {part.message_id: part for part in there.pages.sent},
    }


@pytest.mark.parametrize("step", range(1, STEPS))
async def test_after_a_crash_at_any_step_a_second_try_makes_it_whole(tmp_path: Path, step: int) -> None:
    (tmp_path / "smooth").mkdir()
    async with world(tmp_path) as there, world(tmp_path / "smooth") as smooth:
        await smooth.normalizer()([await prepared(smooth)])
        chunk = await prepared(there)
        fuse = Fuse(step)
        if step == STEPS - 1:
            await there.normalizer(fuse)([chunk])
            assert fuse.burnt < step
        else:
            try:
                await there.normalizer(fuse)([chunk])
            except Crash:
                assert fuse.burnt == step
        assert await there.normalizer()([chunk]) == [Complete()]
        state = await state_of(there)
        assert state == await state_of(smooth)
        assert {len(forms) for forms in state["sent"].values()} == {1}
        assert state["totals"].closed
        assert state["totals"].detections == len(BEFORE) + len(RECORDS)


async def test_dying_again_and_again_at_every_step_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "smooth").mkdir()
    async with world(tmp_path) as there, world(tmp_path / "smooth") as smooth:
        await smooth.normalizer()([await prepared(smooth)])
        chunk = await prepared(there)
        deaths = 0
        for step in range(1, STEPS):
            try:
                await there.normalizer(Fuse(step))([chunk])
            except Crash:
                deaths += 1
        assert deaths > 5
        assert await state_of(there) == await state_of(smooth)


async def test_a_chunk_that_another_overtook_while_it_was_dead_still_adds_up(there: World) -> None:
    chunk = message(stix("a", at(hours=1)), stix("b", at(hours=1)))
    with pytest.raises(Crash):
        # It dies when one of its two indicators is remembered.
        await there.normalizer(Fuse(6))([chunk])
    assert len(await there.everything_known(CUSTOMER)) == 1
    await there.normalizer()([message(stix("a", at(hours=2)), stix("b", at(hours=2)))])
    await there.normalizer()([chunk])
    totals = await there.ledger.totals(CUSTOMER)
    assert (totals.detections, totals.new, totals.suppressed, totals.indicators_new) == (4, 2, 2, 2)


class Meeting(Outbox):
    """A topic that takes nothing before two have come to send: both have looked up what is known by then."""

    def __init__(self) -> None:
        super().__init__()
        self.arrivals = 0
        self.both = asyncio.Event()

    async def send(self, messages: Sequence[Outgoing]) -> None:
        self.arrivals += 1
        if self.arrivals == 2:
            self.both.set()
        await self.both.wait()
        await super().send(messages)


@pytest.mark.parametrize("hours", [0, 1, -1])
async def test_two_that_bring_the_same_indicators_at_once_add_up(there: World, hours: int) -> None:
    files = [f"file {number}" for number in range(20)]
    chunks = [
        message(*(stix(file) for file in files)),
        message(*(stix(file, at(hours=hours), name="Another.pdf") for file in files)),
    ]
    there.indicators = Meeting()
    outcomes = await asyncio.gather(*(there.normalizer()([chunk]) for chunk in chunks))
    assert outcomes == [[Complete()], [Complete()]]
    totals, known = await there.ledger.totals(CUSTOMER), await there.everything_known(CUSTOMER)
    assert totals.closed
    assert totals.detections == 40
    assert totals.new == totals.indicators_new == len(known) == 20
    assert totals.indicators_refreshed == sum(entry.refreshes for entry in known)
    assert {entry.version for entry in known} == {at(hours=max(0, hours))} or hours <= 0
    assert there.indicators.values(CONTOSO) == {sha256(file) for file in files}


async def test_one_chunk_handled_twice_at_once_is_counted_once(there: World) -> None:
    chunk = message(*(stix(f"file {number}") for number in range(20)))
    await asyncio.gather(*(there.normalizer()([chunk]) for _ in range(3)))
    totals = await there.ledger.totals(CUSTOMER)
    assert (totals.chunks, totals.detections, totals.new, totals.indicators_new) == (1, 20, 20, 20)
    assert len(await there.everything_known(CUSTOMER)) == 20


async def test_many_overlapping_chunks_at_once_add_up(there: World) -> None:
    chunks = [
        message(*(stix(f"file {number}", at(hours=turn % 3)) for number in range(turn, turn + 10)))
        for turn in range(12)
    ]
    await asyncio.gather(*(there.normalizer()([chunk]) for chunk in chunks))
    totals, known = await there.ledger.totals(CUSTOMER), await there.everything_known(CUSTOMER)
    assert totals.closed
    assert (totals.detections, totals.indicators_new, len(known)) == (120, 21, 21)
    assert totals.indicators_refreshed == sum(entry.refreshes for entry in known)
    versions = Counter(entry.id for entry in known)
    assert set(versions.values()) == {1}


async def test_chunks_that_one_process_handles_at_once_do_not_send_an_indicator_twice(there: World) -> None:
    normalizer = there.normalizer()
    chunks = [message(*(stix(f"file {number}", at(hours=turn)) for number in range(20))) for turn in range(6)]
    await asyncio.gather(*(normalizer([chunk]) for chunk in chunks))
    assert len(there.indicators.objects(CONTOSO)) == 20
    totals = await there.ledger.totals(CUSTOMER)
    assert (totals.new, totals.refreshed, totals.suppressed) == (20, 0, 100)
