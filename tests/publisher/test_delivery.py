"""What reaches a workspace, in how many requests, and what becomes of the messages."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from mti.common.contracts import EXTENSION_ID, DetectionFacts
from mti.common.contracts.envelope import ID
from mti.common.ports.settlement import Complete
from mti.simulators.sentinel import SentinelFault, SentinelFaultKind, Told
from tests.publisher.world import (
    CONTOSO,
    FABRIKAM,
    GRID,
    World,
    completed,
    hash_of,
    indicator,
    message,
    messages_of,
    run_until_settled,
    world,
)
from tests.support.holdings import summary


async def test_small_messages_share_requests_of_a_hundred(there: World) -> None:
    names = [f"file-{number}" for number in range(1000)]
    outcomes = await there.publisher()(messages_of(names, 7))
    assert completed(outcomes)
    assert there.holds() == {hash_of(name) for name in names}
    assert there.count("requests") <= 11


async def test_the_books_say_what_the_workspace_holds(there: World) -> None:
    await there.publisher()(messages_of((f"file-{number}" for number in range(120)), 50))
    found = await summary(there.versions, CONTOSO)
    assert (found.accepted, found.versions, dict(found.refused)) == (120, 120, {})
    checkpoint = await there.checkpoint()
    assert checkpoint.counts.accepted == 120
    assert checkpoint.counts.requests == 2
    assert checkpoint.offset is not None


async def test_a_redelivered_message_costs_no_row(there: World) -> None:
    again = message(indicator("a"), indicator("b"))
    await there.publisher()([again])
    assert completed(await there.publisher()([again]))
    assert there.count("accepted_objects") == 2
    assert (await there.checkpoint()).counts.held == 2


@pytest.mark.parametrize("revoked", [None, True])
@pytest.mark.parametrize("together", [True, False])
async def test_what_comes_again_under_another_releases_message_id_costs_no_row(
    there: World, together: bool, revoked: bool | None
) -> None:
    """A release may know a message by another identity: what the one before it sent is passed over by the books."""
    first = message(indicator("a", revoked=revoked), indicator("b", revoked=revoked))
    id = "another" * 5
    again = replace(first, message_id=id, properties={**first.properties, ID: id})
    publisher = there.publisher()
    await publisher([message(indicator("a", hours=-1), indicator("b", hours=-1))])
    for messages in [[first, again]] if together else [[first], [again]]:
        assert completed(await publisher(messages))
    assert there.count("accepted_objects") == 4
    assert len(there.holds()) == (0 if revoked else 2)
    assert not there.outbox.messages


async def test_a_release_that_tells_more_of_what_is_known_costs_no_row(there: World) -> None:
    """The facts came into indicators by an upgrade: what a workspace holds without them is not sent again for them."""
    facts = DetectionFacts(feed="malware_customer", region="eu", times_seen=1, file_name="Invoice.pdf")
    before, told = indicator("a"), indicator("a", extensions={EXTENSION_ID: facts})
    assert message(before).message_id == message(told).message_id
    publisher = there.publisher()
    await publisher([message(before)])
    assert completed(await publisher([message(told)]))
    assert there.count("accepted_objects") == 1
    newer = indicator("a", hours=400, extensions={EXTENSION_ID: facts})
    assert completed(await publisher([message(newer)]))
    [workspace, *_] = there.sentinel.workspaces.values()
    [*_, held] = workspace.objects()
    assert orjson.loads(held)["extensions"][EXTENSION_ID]["file_name"] == "Invoice.pdf"


async def test_an_old_version_does_not_follow_a_newer_one(there: World) -> None:
    publisher = there.publisher()
    await publisher([message(indicator("a", hours=5))])
    assert completed(await publisher([message(indicator("a", hours=1))]))
    assert there.count("went_back") == 0
    assert there.count("accepted_objects") == 1


async def test_of_several_versions_in_one_batch_only_the_newest_is_sent(there: World) -> None:
    batch = [message(indicator("a", hours=hours)) for hours in (2, 5, 1)]
    assert completed(await there.publisher()(batch))
    assert there.count("accepted_objects") == 1
    assert (await there.checkpoint()).counts.overtaken == 2


async def test_a_withdrawn_id_never_comes_back(there: World) -> None:
    publisher = there.publisher()
    await publisher([message(indicator("a"))])
    await publisher([message(indicator("a", hours=1, revoked=True))])
    assert completed(await publisher([message(indicator("a", hours=9))]))
    assert there.holds() == set()
    assert there.count("revived") == 0


async def test_the_same_hash_of_another_source_is_not_paid_for_twice(there: World) -> None:
    publisher = there.publisher()
    await publisher([message(indicator("a"))])
    assert completed(await publisher([message(indicator("a", hours=3), source=GRID)]))
    assert there.count("accepted_objects") == 1
    known = await there.versions.look_up(CONTOSO, [indicator("a").id])
    assert known[indicator("a").id].settles(indicator("a", hours=3).modified)


async def test_the_grid_extends_what_a_customer_saw_long_ago(there: World) -> None:
    publisher = there.publisher()
    await publisher([message(indicator("a"))])
    await publisher([message(indicator("a", hours=24 * 15), source=GRID)])
    assert there.count("accepted_objects") == 2


async def test_a_customers_own_sighting_upgrades_the_grids_once(there: World) -> None:
    publisher = there.publisher()
    await publisher([message(indicator("a"), source=GRID)])
    await publisher([message(indicator("a", hours=1))])
    await publisher([message(indicator("a", hours=2), source=GRID)])
    assert there.count("accepted_objects") == 2
    known = await there.versions.look_up(CONTOSO, [indicator("a").id])
    assert known[indicator("a").id].source == "contoso/malware_customer"


async def test_what_is_covered_by_an_object_that_is_then_refused_is_sent_itself(there: World) -> None:
    mine, grids = indicator("a"), indicator("a", hours=1)
    there.faults(SentinelFault(kind=SentinelFaultKind.REFUSE_RECORD, holds=mine.id, times=1))
    outcomes = await there.publisher()([message(mine), message(grids, source=GRID)])
    assert [type(outcome).__name__ for outcome in outcomes] == ["DeadLetter", "Complete"]
    assert there.holds() == {hash_of("a")}


async def test_two_workspaces_get_each_their_own(there: World) -> None:
    outcomes = await there.publisher()(
        [message(indicator("a")), message(indicator("b"), to=FABRIKAM, source=GRID), message(indicator("c"))]
    )
    assert completed(outcomes)
    assert there.holds(CONTOSO) == {hash_of("a"), hash_of("c")}
    assert there.holds(FABRIKAM) == {hash_of("b")}


@pytest.mark.parametrize("told", list(Told))
async def test_a_rate_limit_is_waited_for_however_it_is_told(there: World, told: Told) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.RATE_LIMITED, seconds=17, told=told, times=1))
    assert completed(await there.publisher()([message(indicator("a"))]))
    if told is not Told.NOWHERE:
        assert 17 <= sum(there.clock.slept) < 19
    assert (await there.checkpoint()).counts.throttled == 1


FAULTS = [
    SentinelFault(kind=SentinelFaultKind.RATE_LIMITED, seconds=5, times=7),
    SentinelFault(kind=SentinelFaultKind.STATUS, status=500, times=7),
    SentinelFault(kind=SentinelFaultKind.STATUS, status=503, times=25),
    SentinelFault(kind=SentinelFaultKind.RATE_LIMITED, seconds=400, times=2),
    SentinelFault(kind=SentinelFaultKind.DROPPED, times=2),
    SentinelFault(kind=SentinelFaultKind.DROPPED, accepted=True, times=1),
    SentinelFault(kind=SentinelFaultKind.HTML, status=502, times=3),
    SentinelFault(kind=SentinelFaultKind.HTML, status=200, times=3),
    SentinelFault(kind=SentinelFaultKind.STATUS, status=413, over_objects=50, times=None),
    SentinelFault(kind=SentinelFaultKind.STATUS, status=400, over_objects=50, times=None),
    SentinelFault(kind=SentinelFaultKind.STATUS, status=401, times=5),
    SentinelFault(kind=SentinelFaultKind.STATUS, status=403, times=2),
    SentinelFault(kind=SentinelFaultKind.STATUS, status=404, times=2),
    SentinelFault(kind=SentinelFaultKind.STATUS, status=302, times=2),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind}-{fault.status}-{fault.times}")
async def test_no_fault_of_sentinels_loses_an_object(there: World, fault: SentinelFault) -> None:
    names = [f"file-{number}" for number in range(250)]
    there.faults(fault)
    outcomes = await run_until_settled(there, there.publisher(), messages_of(names, 40))
    assert completed(outcomes.values())
    assert there.holds() == {hash_of(name) for name in names}
    assert there.count("identical_resends") in (0, 100)
    assert (await summary(there.versions, CONTOSO)).accepted == 250
    assert (await there.checkpoint()).pause is None


async def test_the_rate_limit_of_a_minute_is_never_run_into(tmp_path: Path) -> None:
    async with world(tmp_path, requests_per_minute=10) as there:
        publisher = there.publisher()
        for start in range(25):
            await publisher([message(indicator(f"file-{start}"))])
        assert there.count("rate_limited") == 0
        assert there.clock.slept == [60.0, 60.0]


async def test_a_token_that_runs_out_is_renewed(there: World) -> None:
    publisher = there.publisher()
    await publisher([message(indicator("a"))])
    there.clock.turn(hours=2)
    assert completed(await publisher([message(indicator("b"))]))
    assert there.sentinel.tokens.issued == 2


async def test_batches_of_several_hosts_keep_the_newest(there: World) -> None:
    one, other = there.publisher(), there.publisher()
    outcomes = [*await one([message(indicator("a", hours=1))]), *await other([message(indicator("a", hours=2))])]
    assert outcomes == [Complete(), Complete()]
    known = await there.versions.look_up(CONTOSO, [indicator("a").id])
    assert known[indicator("a").id].version == indicator("a", hours=2).modified
    assert known[indicator("a").id].accepted == 2


async def test_an_id_is_forgotten_long_after_its_validity(there: World) -> None:
    await there.publisher()([message(indicator("a"))])
    there.clock.turn(days=30 + 89)
    assert await there.versions.look_up(CONTOSO, [indicator("a").id])
    there.clock.turn(days=2)
    assert not await there.versions.look_up(CONTOSO, [indicator("a").id])


async def test_a_withdrawn_id_is_never_forgotten(there: World) -> None:
    await there.publisher()([message(indicator("a", revoked=True))])
    there.clock.turn(days=3000)
    assert await there.versions.look_up(CONTOSO, [indicator("a").id])


async def test_validity_is_compared_by_the_policy_of_the_route(there: World) -> None:
    publisher = there.publisher()
    await publisher([message(indicator("a"))])
    await publisher([message(indicator("a", validity=timedelta(days=44)), source=GRID)])
    assert there.count("accepted_objects") == 1
    await publisher([message(indicator("a", validity=timedelta(days=45)), source=GRID)])
    assert there.count("accepted_objects") == 2
