"""What a person withdrew: rejected as Withdrawn while it is, and new when it is seen after that was lifted."""

import pytest

from mti.common.contracts.envelope import PREFIX
from mti.common.ports.bus import Received
from mti.normalizer.observables import Observable, indicator_id
from mti.normalizer.records import EVERYONE, Standing, Withdrawals
from tests.normalizer.world import CUSTOMER, GRID, Crash, Fuse, World, at, md5, message, row, sha256, stix

pytestmark = pytest.mark.pure

A = Observable("file:hashes.'SHA-256'", sha256("a"))
A_MD5 = Observable("file:hashes.MD5", md5("a"))


async def withdraw(there: World, audience: str = EVERYONE, observable: Observable = A) -> None:
    await there.known.withdrawals.withdraw(audience, [observable], at(), "a false alarm")


async def lift(there: World, audience: str = EVERYONE) -> int:
    return await there.known.withdrawals.lift(audience, [A], at())


async def rejected(there: World, found: Received) -> dict[str, int]:
    source = str(found.properties[f"{PREFIX}source"]).removeprefix("/sources/")
    books = await there.ledger.read(source, str(found.properties[f"{PREFIX}id"]))
    assert books is not None
    assert books.detections == books.new + books.refreshed + books.suppressed + sum(books.rejected.values())
    return books.rejected


async def test_a_withdrawn_observable_is_rejected_by_name_and_nothing_is_sent(there: World) -> None:
    await withdraw(there)
    first = message(stix("a"), stix("b"))
    await there.normalizer()([first])
    assert there.indicators.values() == {sha256("b")}
    assert await rejected(there, first) == {"Withdrawn": 1}
    assert there.pages.sent == []


async def test_an_indicator_that_was_known_before_is_not_refreshed_either(there: World) -> None:
    await there.normalizer()([message(stix("a"))])
    await withdraw(there)
    sent = len(there.indicators.sent)
    later = message(stix("a", at(days=29)))
    await there.normalizer()([later])
    assert len(there.indicators.sent) == sent
    assert await rejected(there, later) == {"Withdrawn": 1}


async def test_the_other_hashes_of_the_same_file_are_not_withdrawn_with_it(there: World) -> None:
    await withdraw(there)
    found = message(row("a"), csv=True)
    await there.normalizer()([found])
    assert there.indicators.values() == {md5("a")}
    assert await rejected(there, found) == {}


async def test_a_withdrawal_of_one_source_leaves_the_others_alone(there: World) -> None:
    await withdraw(there, CUSTOMER)
    own, grid = message(stix("a")), message(stix("a"), source=GRID)
    await there.normalizer()([own, grid])
    assert await rejected(there, own) == {"Withdrawn": 1}
    assert await rejected(there, grid) == {}


async def test_once_lifted_the_next_sighting_is_new_under_the_same_id_on_the_bus(there: World) -> None:
    await there.normalizer()([message(stix("a"))])
    await withdraw(there)
    assert await lift(there) == 1
    seen = message(stix("a", at(hours=1)))
    await there.normalizer()([seen])
    objects = there.indicators.objects()
    assert {found["id"] for found in objects} == {indicator_id(A)}
    assert len(objects) == 4  # each time its two workspaces
    books = await there.ledger.read(CUSTOMER, str(seen.properties[f"{PREFIX}id"]))
    assert books is not None
    assert (books.new, books.indicators.new) == (1, 1)
    await there.normalizer()([message(stix("a", at(hours=2)))])
    assert len(there.indicators.objects()) == 4
    [known] = await there.everything_known(CUSTOMER)
    assert (known.generation, known.created) == (1, at(hours=1))


async def test_each_lift_is_counted_and_only_what_is_withdrawn_is_lifted(there: World) -> None:
    for generation in range(3):
        await withdraw(there)
        assert (await there.known.withdrawals.look_up(CUSTOMER, [A]))[A] == Standing(True, generation)
        assert await lift(there) == 1
    assert await lift(there) == 0
    assert (await there.known.withdrawals.look_up(CUSTOMER, [A]))[A] == Standing(False, 3)


async def test_lifts_for_everyone_and_for_a_source_count_together(there: World) -> None:
    await withdraw(there)
    await withdraw(there, GRID)
    await lift(there)
    assert (await there.known.withdrawals.look_up(CUSTOMER, [A]))[A] == Standing(False, 1)
    assert (await there.known.withdrawals.look_up(GRID, [A]))[A] == Standing(True, 1)
    await lift(there, GRID)
    assert (await there.known.withdrawals.look_up(GRID, [A]))[A] == Standing(False, 2)
    assert await there.known.withdrawals.audiences() == [EVERYONE, GRID]


async def test_what_one_workspace_is_to_be_given_again_is_new_to_its_source(there: World) -> None:
    await there.normalizer()([message(stix("a"))])
    await there.known.withdrawals.forget_known(CUSTOMER, [A], at())
    await there.known.withdrawals.forget_known(CUSTOMER, [A], at())
    assert (await there.known.withdrawals.look_up(CUSTOMER, [A]))[A] == Standing(False, 1)
    sent = len(there.indicators.objects())
    await there.normalizer()([message(stix("a", at(hours=1)))])
    assert len(there.indicators.objects()) == 2 * sent


async def test_what_is_withdrawn_twice_keeps_its_first_time_and_reason(there: World) -> None:
    container = there.store.container("known")
    await Withdrawals(container).withdraw(EVERYONE, [A], at(), "first")
    await Withdrawals(container).withdraw(EVERYONE, [A, A_MD5], at(hours=1), "second")
    reasons = {document.body["value"]: document.body["reason"] async for document in container.scan("withdrawn|*")}
    assert reasons == {sha256("a"): "first", md5("a"): "second"}


async def test_withdrawals_are_no_source(there: World) -> None:
    await withdraw(there)
    await withdraw(there, CUSTOMER)
    assert await there.known.sources() == []


async def test_killed_at_any_step_the_books_are_those_of_one_quiet_try(there: World) -> None:
    await withdraw(there)
    for step in range(1, 12):
        found = message(stix("a"), stix(f"b{step}"))
        with pytest.raises(Crash):
            await there.normalizer(Fuse(step))([found])
        await there.normalizer()([found])
        assert await rejected(there, found) == {"Withdrawn": 1}
