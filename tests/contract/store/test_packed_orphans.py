"""A compaction that is killed, or outrun, leaves nothing below that nobody names."""

import pytest

from mti.common.adapters.packed import Limits, PackedStore
from mti.common.adapters.packed.forms import HEAD, Head, Position, RunNote, index_id, page_id
from mti.common.adapters.packed.orphans import is_dead
from mti.common.ports.store import Container, Document
from mti.simulation.store import MemoryStore
from tests.contract.store.test_packed_model import Killed, MortalContainer, OneContainer, pack_of
from tests.support.clocks import HandClock

SMALL = Limits(epoch_documents=2, epoch_entries=50, page_bytes=200, index_pages=2, fan_in=3)
BELOW = "packed|contoso"
CALLS = 400
"""More than the writes of the test make below."""


def packed(below: Container, clock: HandClock) -> Container:
    return PackedStore(OneContainer(below), {"known": pack_of}, clock, SMALL).container("known")


def document(number: int) -> Document:
    return Document(partition="contoso#0", id=f"id-{number:03}", body={"n": number})


async def unnamed(below: Container) -> set[str]:
    """Return the ids of what lies below and counts for nobody."""
    head = Head.of(await below.read(BELOW, HEAD))
    named = {id for run in head.runs for id in (*run.page_ids, *run.index_ids)} | {HEAD, *head.garbage}
    ids = {found.id async for found in below.scan(BELOW)}
    return {id for id in ids - named if not (id.startswith("journal!") and Position.of(id).epoch >= head.epoch)}


async def written(container: Container, numbers: range) -> None:
    for number in numbers:
        if await container.read("contoso#0", f"id-{number:03}") is None:
            await container.write(document(number))


@pytest.mark.parametrize("before", [False, True])
async def test_whoever_is_killed_wherever_leaves_nothing_for_ever(before: bool) -> None:
    left_something = 0
    for calls in range(1, CALLS):
        clock = HandClock()
        below = MemoryStore(clock).container("known")
        mortal = MortalContainer(below)
        mortal.left, mortal.before = calls, before
        try:
            await written(packed(mortal, clock), range(24))
        except Killed:
            pass
        else:
            assert calls > 100, "the test kills at every step"
            break
        await written(packed(below, clock), range(27))
        left_something += bool(await unnamed(below))
        await written(packed(below, clock), range(27, 48))
        assert await unnamed(below) == set(), f"killed at call {calls}"
        found = [each.id async for each in packed(below, clock).scan("contoso#0")]
        assert found == [f"id-{number:03}" for number in range(48)]
    else:
        raise AssertionError("the writes make more calls than were tried")
    assert left_something, "there was nothing to be found"


def test_what_a_later_head_can_name_is_left_alone() -> None:
    runs = [RunNote(*span, tier=0, whole=False, at=0.0, pages=1, indexes=1) for span in ((6, 6), (4, 5), (0, 3))]
    head = Head(epoch=7, runs=runs)
    for run in ("1.7-7", "1.4-6", "1.0-6.whole", "1.0-5.whole", "1.0-9"):
        assert not is_dead(page_id(run, 0), head), "an epoch of the journal, and runs that follow each other"
    for run in ("1.5-5", "1.0-4.whole", "1.1-3", "1.5-6", "1.0-2"):
        assert is_dead(page_id(run, 3), head)
        assert is_dead(index_id(run, 0), head)
    assert is_dead(Position(6, 2).id, head)
    assert not is_dead(Position(7, 0).id, head)
    assert not is_dead("head", head)
