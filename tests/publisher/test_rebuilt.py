"""A workspace that was built anew: the books say that it holds everything, and it is given it all the same, once."""

from dataclasses import replace
from datetime import timedelta

from mti.common.contracts import Carried, Indicator, timestamp
from mti.common.contracts.envelope import REBUILT
from mti.common.ports.bus import Received
from mti.common.registry import Feed
from mti.publisher.records import Accept, Backing, Item, Withdraw
from tests.publisher.world import (
    CONTOSO,
    CUSTOMER,
    GRID,
    NOW,
    OTHER_CUSTOMER,
    World,
    completed,
    hash_of,
    indicator,
    message,
)


def rebuilt(found: Received, run: str = "run1") -> Received:
    return replace(found, properties={**found.properties, REBUILT: run})


async def test_a_workspace_built_anew_gets_again_what_the_books_say_it_holds_and_only_once(there: World) -> None:
    publisher = there.publisher()
    batch = message(indicator("a"), indicator("b"))
    assert completed(await publisher([batch]))
    assert there.count("accepted_objects") == 2
    assert completed(await publisher([rebuilt(batch)]))
    assert there.count("accepted_objects") == 4
    assert completed(await publisher([rebuilt(batch), batch]))
    assert there.count("accepted_objects") == 4


async def test_what_is_newer_stays_and_what_is_spent_never_comes_back(there: World) -> None:
    publisher = there.publisher()
    gone = indicator("gone", hours=2, revoked=True)
    await publisher([message(indicator("newer", hours=1)), message(indicator("gone"))])
    await publisher([message(gone)])
    sent = there.count("accepted_objects")
    await publisher([rebuilt(message(indicator("newer"), indicator("gone"), indicator("gone", hours=3)))])
    assert there.count("accepted_objects") == sent
    assert (await there.versions.look_up(CONTOSO, [gone.id]))[gone.id].revoked


async def test_another_source_s_version_is_given_as_well_where_it_is_the_newest(there: World) -> None:
    publisher = there.publisher()
    await publisher([message(indicator("a"), source=GRID), message(indicator("a", hours=1))])
    await publisher([rebuilt(message(indicator("a"), source=GRID)), rebuilt(message(indicator("a", hours=1)))])
    (held,) = [found for found in there.sentinel.workspaces[CONTOSO].observables() if found.value == hash_of("a")]
    assert held
    assert there.count("went_back") == 0


async def test_the_books_stay_closed_while_it_is_under_way(there: World) -> None:
    publisher = there.publisher()
    found = indicator("a")
    await publisher([message(found)])
    await publisher([rebuilt(message(found))])
    known = (await there.versions.look_up(CONTOSO, [found.id]))[found.id]
    assert known.settles(found.modified)
    assert (known.rebuilt, known.accepted) == ("run1", 2)


async def test_what_a_source_gave_that_is_not_routed_any_more_is_given_again_for_one_that_is(there: World) -> None:
    publisher = there.publisher()
    newest = indicator("a", hours=1)
    await there.versions.record(CONTOSO, [Accept(given_by(newest, OTHER_CUSTOMER))])
    batch = message(indicator("a"), indicator("b"))
    assert completed(await publisher([rebuilt(batch)]))
    assert modified(there, "a") == timestamp(newest.modified)
    assert completed(await publisher([rebuilt(batch), batch]))
    assert there.count("accepted_objects") == 2
    known = (await there.versions.look_up(CONTOSO, [newest.id]))[newest.id]
    assert (known.version, known.source, known.rebuilt) == (newest.modified, OTHER_CUSTOMER, "run1")
    assert known.is_backed([CUSTOMER], NOW)


async def test_that_holds_as_well_where_what_the_other_source_gave_was_withdrawn(there: World) -> None:
    publisher = there.publisher()
    newest = indicator("a", hours=1)
    order = Withdraw(id=newest.id, at=NOW, sources={OTHER_CUSTOMER: Backing()})
    await there.versions.record(CONTOSO, [Accept(given_by(newest, OTHER_CUSTOMER)), order])
    assert completed(await publisher([rebuilt(message(indicator("a")))]))
    assert modified(there, "a") == timestamp(newest.modified)
    assert not (await there.versions.look_up(CONTOSO, [newest.id]))[newest.id].unsure


def given_by(found: Indicator, source: str) -> Item:
    return Item.of(Carried.of(found), source=source, feed=Feed.MALWARE_CUSTOMER, extension=timedelta())


def modified(there: World, name: str) -> str:
    """Return `modified` of what the workspace shows of a file."""
    state = there.sentinel.workspaces[CONTOSO].state.values()
    (found,) = [each for each in state if each.observable and each.observable.value == hash_of(name)]
    assert not found.revoked
    return found.modified
