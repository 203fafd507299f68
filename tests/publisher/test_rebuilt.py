"""A workspace that was built anew: the books say that it holds everything, and it is given it all the same, once."""

from dataclasses import replace

from mti.common.contracts.envelope import REBUILT
from mti.common.ports.bus import Received
from tests.publisher.world import CONTOSO, GRID, World, completed, hash_of, indicator, message


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
