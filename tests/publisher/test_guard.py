"""What a workspace still needs, decided without any I/O."""

import random
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.contracts import Carried
from mti.common.registry import Feed
from mti.publisher.forms import prepared
from mti.publisher.judging import choose, judge, order_in, pack
from mti.publisher.records import (
    Accept,
    Backing,
    Change,
    Item,
    Lift,
    PassOver,
    Published,
    Verdict,
    Withdraw,
    after,
)
from tests.publisher.world import CUSTOMER, GRID, NOW, indicator, refuse

pytestmark = pytest.mark.pure

FEEDS = {CUSTOMER: Feed.MALWARE_CUSTOMER, "msp/malware_customer": Feed.MALWARE_CUSTOMER, GRID: Feed.MALWARE_GRID}


def item(
    name: str = "a",
    *,
    hours: float = 0,
    source: str = CUSTOMER,
    revoked: bool | None = None,
    backers: Sequence[str] = tuple(FEEDS),
) -> Item:
    return Item.of(
        Carried.of(indicator(name, hours=hours, revoked=revoked)),
        source=source,
        feed=FEEDS[source],
        extension=timedelta(days=15),
        backers=backers,
    )


def held(*items: Item) -> Published:
    known = None
    for one in items:
        known = after(known, Accept(one))
    assert known is not None
    return known


def both() -> Published:
    """Given by the customer's feed, and covered for the grid's."""
    return after(held(item()), PassOver(item(hours=1, source=GRID)))


def withdrawn(known: Published | None, *sources: str, everyone: bool = False) -> Published:
    given = {source: Backing() for source in sources or (CUSTOMER,)}
    return after(known, Withdraw(id=item().own, at=NOW, sources=None if everyone else given))


def lifted(known: Published) -> Published:
    return after(known, Lift(id=item().own, at=NOW + timedelta(hours=10)))


@pytest.mark.parametrize(
    ("known", "found", "verdict"),
    [
        (None, item(), Verdict.SEND),
        (after(None, refuse(item(), "no")), item(), Verdict.SEND),
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
        (held(item()), item(hours=1, source=GRID, revoked=True), Verdict.BACKED),
        (held(item(hours=1)), item(revoked=True), Verdict.SEND),
        (held(item(revoked=True)), item(hours=9), Verdict.SEND),
        (held(item(revoked=True)), item(hours=9, revoked=True), Verdict.HELD),
        (None, item(revoked=True), Verdict.HELD),
        (withdrawn(held(item())), item(hours=9), Verdict.WITHDRAWN),
        (withdrawn(held(item())), item(hours=9, source=GRID), Verdict.SEND),
        (withdrawn(held(item()), everyone=True), item(hours=9, source=GRID), Verdict.WITHDRAWN),
        (withdrawn(None, everyone=True), item(), Verdict.WITHDRAWN),
        (withdrawn(both(), CUSTOMER), item(hours=9, revoked=True), Verdict.BACKED),
        (withdrawn(both(), CUSTOMER), item(hours=31 * 24, revoked=True), Verdict.SEND),
        (withdrawn(both(), CUSTOMER), item(hours=9, revoked=True, backers=[CUSTOMER]), Verdict.SEND),
        (withdrawn(both(), CUSTOMER, GRID), item(hours=9, revoked=True), Verdict.SEND),
        (lifted(withdrawn(held(item()))), item(hours=9, revoked=True), Verdict.OVERTAKEN),
        (lifted(withdrawn(held(item()))), item(hours=11, revoked=True), Verdict.SEND),
        (lifted(withdrawn(held(item()))), item(hours=9), Verdict.SEND),
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
        for one in batch:
            if (order := order_in(self.known.get(one.own), one)) is not None:
                self.known[one.own] = after(self.known.get(one.own), order)
        waiting, rounds = batch, 0
        while waiting:
            rounds += 1
            step = pack(waiting, self.known)
            sent = [(one, prepared(self.known.get(one.own), one)) for request in step.requests for one in request]
            self.taken += [form for one, form in sent if one not in refusing]
            changes: list[Change] = [PassOver(one) for one, _ in step.needless if not one.withdraws]
            changes += [refuse(form, "no") if one in refusing else Accept(form) for one, form in sent]
            self.rng.shuffle(changes)
            for change in changes:
                self.known[change.id] = after(self.known.get(change.id), change)
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
    unrevoked = False
    for arrivals in batches:
        batch = [item(hours=days * 24, source=source, revoked=revoked) for days, source, revoked, _ in arrivals]
        refusing = {one for one, (*_, refused) in zip(batch, arrivals, strict=True) if refused}
        workspace.publish(batch, refusing)
        known = workspace.known[item().own]
        settled = [one for one in batch if one.withdraws or known.settles(one.object.modified) or known.generation]
        assert set(batch) - set(settled) <= refusing
        unrevoked |= any(one.withdraws for one in refusing)
        if moments := [one.object.modified for one in batch if one.withdraws]:
            # Whether somebody backs it is asked of the moment of the withdrawal: later than that it may have ended.
            backed = known.is_backed(FEEDS, max(moments))
            assert unrevoked or backed or not (known.alive and known.is_withdrawn)
    for earlier, later in pairwise(workspace.taken):
        assert later.generation == earlier.generation + (bool(earlier.withdraws) and not later.withdraws)
        assert later.object.modified >= earlier.object.modified or later.generation > earlier.generation
    if workspace.taken:
        [final] = workspace.known.values()
        assert (final.generation, final.version) == (
            workspace.taken[-1].generation,
            workspace.taken[-1].object.modified,
        )
        assert final.accepted <= len(workspace.taken)
