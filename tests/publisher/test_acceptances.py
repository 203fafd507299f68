"""What an acceptance makes of the books: in few steps, where it is plain, the same as in any case."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.contracts import Carried
from mti.common.registry import Feed
from mti.publisher.records import NOTHING, Accept, Backing, Item, PassOver, Published, Refuse, Withdraw, after
from mti.publisher.records.changes import Change, Lift, accepted_in_any_case, plainly_accepted
from mti.publisher.records.published import Held, Refusal
from tests.publisher.world import CUSTOMER, GRID, NOW, indicator

pytestmark = pytest.mark.pure

SOURCES = (CUSTOMER, GRID)
MOMENTS = st.sampled_from([NOW + timedelta(hours=hours) for hours in range(3)])
MAYBE = st.none() | MOMENTS
SELDOM = st.sampled_from([False, False, False, True])
BACKINGS = st.builds(Backing, version=MAYBE, valid_until=MAYBE, withdrawn=st.none() | MAYBE)
BOOKS = st.just(NOTHING) | st.builds(
    Published,
    generation=st.integers(0, 1),
    version=MAYBE,
    valid_until=MAYBE,
    revoked=SELDOM,
    feed=st.none() | st.sampled_from(Feed),
    source=st.none() | st.sampled_from(SOURCES),
    sources=st.dictionaries(st.sampled_from(SOURCES), BACKINGS),
    withdrawn=st.none() | MAYBE,
    lifted=MAYBE,
    accepted=st.integers(0, 2),
    passed=MAYBE,
    rebuilt=st.sampled_from([None, "before"]),
    refused=st.none() | st.none() | st.builds(Refusal, version=MOMENTS, reason=st.just("r"), description=st.just("d")),
    disturbed=st.integers(0, 1),
    unsure=SELDOM,
)


@st.composite
def items(draw: st.DrawFn) -> Item:
    found = indicator("a", hours=draw(st.integers(0, 3)), revoked=draw(st.sampled_from([None, None, True])))
    source = draw(st.sampled_from(SOURCES))
    feed = Feed.MALWARE_GRID if source == GRID else Feed.MALWARE_CUSTOMER
    rebuilt = draw(st.sampled_from([None, None, "before", "now"]))
    item = Item.of(Carried.of(found), source=source, feed=feed, extension=timedelta(), rebuilt=rebuilt)
    return item.as_generation(draw(st.integers(0, 1)))


SEEN: st.SearchStrategy[Held] = st.tuples(st.integers(0, 1), MAYBE, SELDOM, st.integers(0, 2), st.integers(0, 1))


@given(BOOKS, items(), st.sampled_from(["nobody", "same", "other"]), SEEN, st.booleans())
def test_a_plain_acceptance_is_entered_as_any_other_is(
    before: Published, item: Item, since: str, other: Held, all_the_same: bool
) -> None:
    seen = {"nobody": None, "same": before.held, "other": other}[since]
    change = Accept(item, seen, all_the_same)
    plainly = plainly_accepted(before, change)
    assert plainly is None or plainly == accepted_in_any_case(before, change)


CHANGES = st.one_of(
    items().map(Accept),
    items().map(PassOver),
    items().map(lambda item: Refuse(item.own, item.object, "no")),
    st.builds(Withdraw, id=st.just("a"), at=MOMENTS, sources=st.none() | st.just({CUSTOMER: Backing()})),
    st.builds(Lift, id=st.just("a"), at=MOMENTS, sources=st.none() | st.just((CUSTOMER,))),
)


@given(st.lists(CHANGES, max_size=8))
def test_any_history_comes_to_the_same(history: list[Change]) -> None:
    plainly: Published | None = None
    known: Published | None = None
    for change in history:
        plainly = after(plainly, change)
        known = accepted_in_any_case(known or NOTHING, change) if isinstance(change, Accept) else after(known, change)
    assert plainly == known


def test_what_is_new_and_what_is_a_newer_version_is_plain() -> None:
    def version(hours: int) -> Item:
        found = Carried.of(indicator("a", hours=hours))
        return Item.of(found, source=CUSTOMER, feed=Feed.MALWARE_CUSTOMER, extension=timedelta())

    first = plainly_accepted(NOTHING, Accept(version(0), NOTHING.held))
    assert first is not None
    second = plainly_accepted(first, Accept(version(1), first.held))
    assert second is not None
    assert (second.version, second.accepted) == (version(1).object.modified, 2)
    assert plainly_accepted(second, Accept(version(1), second.held)) is None
