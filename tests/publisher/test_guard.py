"""What a workspace still needs, decided without any I/O."""

import random
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.registry import Feed
from mti.publisher.guard import Verdict, choose, judge
from mti.publisher.item import Item
from mti.publisher.packing import pack
from mti.publisher.published import Accept, Change, PassOver, Published, Refuse, after
from tests.publisher.world import CUSTOMER, GRID, indicator

FEEDS = {CUSTOMER: Feed.MALWARE_CUSTOMER, "msp/malware_customer": Feed.MALWARE_CUSTOMER, GRID: Feed.MALWARE_GRID}


def item(name: str = "a", *, hours: float = 0, source: str = CUSTOMER, revoked: bool | None = None) -> Item:
    return Item(
        object=indicator(name, hours=hours, revoked=revoked),
        source=source,
        feed=FEEDS[source],
        extension=timedelta(days=15),
        message=0,
    )


def held(*items: Item) -> Published:
    known = None
    for one in items:
        known = after(known, Accept(one))
    assert known is not None
    return known


@pytest.mark.parametrize(
    ("known", "found", "verdict"),
    [
        (None, item(), Verdict.SEND),
        (after(None, Refuse(item(), "no")), item(), Verdict.SEND),
        (held(item()), item(), Verdict.HELD),
        (held(item()), item(hours=1), Verdict.SEND),
        (held(item(hours=1)), item(), Verdict.OVERTAKEN),
        (held(item()), item(hours=1, source=GRID), Verdict.COVERED),
        (held(item()), item(source=GRID), Verdict.COVERED),
        (held(item()), item(hours=15 * 24, source=GRID), Verdict.SEND),
        (held(item(source=GRID)), item(), Verdict.SEND),
        (held(item(source=GRID)), item(hours=1), Verdict.SEND),
        (held(item(source=GRID, hours=2)), item(hours=1), Verdict.OVERTAKEN),
        (held(item(source=GRID), item(hours=1)), item(hours=2, source=GRID), Verdict.COVERED),
        (held(item()), item(hours=1, source="msp/malware_customer"), Verdict.COVERED),
        (held(item()), item(revoked=True), Verdict.SEND),
        (held(item()), item(hours=1, source=GRID, revoked=True), Verdict.SEND),
        (held(item(hours=1)), item(revoked=True), Verdict.OVERTAKEN),
        (held(item(revoked=True)), item(hours=9), Verdict.OVERTAKEN),
        (held(item(revoked=True)), item(hours=9, revoked=True), Verdict.HELD),
    ],
)
def test_the_guard_judges(known: Published | None, found: Item, verdict: Verdict) -> None:
    assert judge(known, found) is verdict


def test_of_several_the_customers_own_goes_before_the_grids() -> None:
    mine, grids = item(), item(hours=1, source=GRID)
    assert choose([grids, mine]) is mine


def test_of_several_the_grids_goes_first_when_it_extends_the_validity() -> None:
    mine, grids = item(), item(hours=16 * 24, source=GRID)
    assert choose([grids, mine]) is grids


def test_requests_are_filled_and_no_id_is_in_one_round_twice() -> None:
    items = [item(f"f-{number % 150}", hours=number) for number in range(300)]
    step = pack(items, {})
    assert [len(request) for request in step.requests] == [100, 50]
    sent = [one.object.id for request in step.requests for one in request]
    assert len(set(sent)) == 150
    assert len(step.waiting) == 150


class Workspace:
    """A workspace, and what is known of it, in memory."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.known: dict[str, Published] = {}
        self.taken: list[Item] = []

    def publish(self, batch: Sequence[Item], refusing: set[Item]) -> None:
        """Publish a batch as the delivery does."""
        waiting, rounds = batch, 0
        while waiting:
            rounds += 1
            step = pack(waiting, self.known)
            sent = [one for request in step.requests for one in request]
            self.taken += [one for one in sent if one not in refusing]
            changes: list[Change] = [PassOver(one) for one, _ in step.settled]
            changes += [Refuse(one, "no") if one in refusing else Accept(one) for one in sent]
            self.rng.shuffle(changes)
            for change in changes:
                id = change.item.object.id
                self.known[id] = after(self.known.get(id), change)
            waiting = step.waiting
        assert rounds <= len(batch)


Arrival = st.tuples(
    st.integers(0, 40), st.sampled_from(sorted(FEEDS)), st.sampled_from([None, None, None, True]), st.booleans()
)


@given(st.lists(st.lists(Arrival, min_size=1, max_size=5), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_whatever_arrives_the_workspace_never_goes_back_and_every_object_is_settled(
    batches: list[list[tuple[int, str, bool | None, bool]]], rng: random.Random
) -> None:
    workspace = Workspace(rng)
    for arrivals in batches:
        batch = [item(hours=days * 24, source=source, revoked=revoked) for days, source, revoked, _ in arrivals]
        refusing = {one for one, (*_, refused) in zip(batch, arrivals, strict=True) if refused}
        workspace.publish(batch, refusing)
        settled = [one for one in batch if workspace.known[one.object.id].settles(one.object.modified)]
        assert set(batch) - set(settled) <= refusing
    for earlier, later in pairwise(workspace.taken):
        assert later.object.modified >= earlier.object.modified
        assert not (earlier.object.revoked and not later.object.revoked)
    if workspace.taken:
        [final] = workspace.known.values()
        assert final.version == workspace.taken[-1].object.modified
        assert final.accepted <= len(workspace.taken)
