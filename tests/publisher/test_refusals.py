"""Exactly the objects at fault are set aside, with Sentinel's own words, and no backlog is burnt."""

import random

from mti.common.contracts import IndicatorBatch, decode
from mti.common.contracts.envelope import REFUSAL, REFUSAL_DESCRIPTION, REPLAYS
from mti.common.ports.settlement import DeadLetter
from mti.publisher.blame import Suspicion
from mti.simulators.sentinel import SentinelFault, SentinelFaultKind
from tests.publisher.world import (
    CONTOSO,
    GRID,
    World,
    completed,
    hash_of,
    indicator,
    message,
    messages_of,
    reasons,
    received,
    run_until_settled,
)
from tests.support.holdings import summary


def refuse(name: str) -> SentinelFault:
    return SentinelFault(kind=SentinelFaultKind.REFUSE_RECORD, holds=indicator(name).id, times=None)


async def test_a_refused_object_goes_its_own_way_and_its_neighbours_arrive(there: World) -> None:
    there.faults(refuse("bad"))
    publisher = there.publisher()
    assert completed(await publisher([message(indicator("a"), indicator("bad"), indicator("b"))]))
    assert there.holds() == {hash_of("a"), hash_of("b")}
    [part] = there.outbox.messages
    assert (part.session_id, part.to, part.properties[REFUSAL]) == (CONTOSO, "publisher", "ObjectRefused")
    _, batch = decode(received(part), IndicatorBatch)
    assert [found.id for found in batch.objects] == [indicator("bad").id]
    [outcome] = await publisher([received(part)])
    assert isinstance(outcome, DeadLetter)
    assert outcome.reason == "ObjectRefused"
    assert "The indicator could not be ingested." in outcome.description
    assert indicator("bad").id in outcome.description
    assert dict((await summary(there.versions, CONTOSO)).refused) == {"ObjectRefused": 1}


async def test_a_message_whose_every_object_is_refused_is_dead_lettered_itself(there: World) -> None:
    there.faults(refuse("bad"), refuse("worse"))
    [outcome, other] = await there.publisher()([message(indicator("bad"), indicator("worse")), message(indicator("a"))])
    assert reasons([outcome, other]) == ["ObjectRefused", "Complete"]
    assert there.outbox.messages == []


async def test_a_second_try_after_a_crash_sends_the_same_part(there: World) -> None:
    there.faults(refuse("bad"))
    again = message(indicator("a"), indicator("bad"))
    for _ in range(2):
        assert completed(await there.publisher()([again]))
    assert len({part.message_id for part in there.outbox.messages}) == 1


async def test_what_is_replayed_and_refused_again_is_not_taken_for_the_first_refusal(there: World) -> None:
    there.faults(refuse("bad"))
    first = message(indicator("a"), indicator("bad"))
    await there.publisher()([first])
    await there.publisher()([message(indicator("b"), indicator("bad"), properties={**first.properties, REPLAYS: 1})])
    assert len({part.message_id for part in there.outbox.messages}) == 2


async def test_a_refused_object_that_is_replayed_after_the_cause_is_mended_arrives(there: World) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.REFUSE_RECORD, holds=indicator("bad").id, times=1))
    publisher = there.publisher()
    await publisher([message(indicator("a"), indicator("bad"))])
    [part] = there.outbox.messages
    kept = {name: value for name, value in part.properties.items() if name not in (REFUSAL, REFUSAL_DESCRIPTION)}
    assert completed(await publisher([received(part, properties={**kept, REPLAYS: 1})]))
    found = await summary(there.versions, CONTOSO)
    assert (found.accepted, dict(found.refused)) == (2, {})


async def test_one_bad_object_of_a_refused_request_is_found_by_splitting(there: World) -> None:
    there.faults(
        SentinelFault(kind=SentinelFaultKind.STATUS, status=400, message="bad", holds=indicator("f-57").id, times=None)
    )
    names = [f"f-{number}" for number in range(100)]
    assert completed(await there.publisher()(messages_of(names, 100)))
    assert there.holds() == {hash_of(name) for name in names if name != "f-57"}
    [part] = there.outbox.messages
    assert ": bad (" in str(part.properties[REFUSAL_DESCRIPTION])
    assert there.count("requests") <= 15


async def test_an_object_that_alone_is_too_large_is_refused_alone(there: World) -> None:
    there.faults(
        SentinelFault(kind=SentinelFaultKind.STATUS, status=413, message="big", holds=indicator("big").id, times=None)
    )
    assert completed(await there.publisher()([message(indicator("a"), indicator("big"))]))
    assert there.holds() == {hash_of("a")}


async def test_a_destination_that_refuses_every_request_is_paused_and_the_backlog_is_not_burnt(there: World) -> None:
    there.faults(
        SentinelFault(name="form", kind=SentinelFaultKind.STATUS, status=400, message="api-version retired", times=None)
    )
    publisher = there.publisher()
    backlog = messages_of((f"f-{number}" for number in range(200)), 20)
    assert reasons(await publisher(backlog)) == ["Park"] * 10
    pause = (await there.checkpoint()).pause
    assert pause is not None
    assert pause.reason == "RequestRefused"
    assert "api-version retired" in pause.description
    assert there.count("requests") < 20
    there.sentinel.faults.remove("form")
    assert completed((await run_until_settled(there, publisher, backlog)).values())
    assert len(there.holds()) == 200
    assert there.outbox.messages == []


async def test_lone_objects_that_are_refused_one_after_another_end_in_a_pause_too(there: World) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.STATUS, status=400, message="no", times=None))
    publisher = there.publisher()
    seen = [reasons(await publisher([message(indicator(f"f-{number}"))]))[0] for number in range(20)]
    assert seen == ["ObjectRefused"] * 4 + ["Park"] * 16


async def test_many_bad_objects_among_good_ones_are_refused_and_no_pause_stays(there: World) -> None:
    names = [f"f-{number}" for number in range(60)]
    bad = random.Random(5).sample(names, 20)
    there.faults(
        *(
            SentinelFault(kind=SentinelFaultKind.STATUS, status=400, message="no", holds=indicator(name).id, times=None)
            for name in bad
        )
    )
    outcomes = await run_until_settled(there, there.publisher(), messages_of(names, 30))
    assert completed(outcomes.values())
    assert there.holds() == {hash_of(name) for name in names if name not in bad}
    assert (await there.checkpoint()).pause is None


async def test_refused_objects_of_a_message_that_waits_are_not_dead_lettered_twice(there: World) -> None:
    there.faults(refuse("bad"))
    there.faults(SentinelFault(kind=SentinelFaultKind.STATUS, status=404, nth=2, times=1))
    first, second = (
        message(*(indicator(f"f-{number}") for number in range(99)), indicator("bad")),
        message(indicator("later"), source=GRID),
    )
    outcomes = await run_until_settled(there, there.publisher(), [first, second])
    assert completed(outcomes.values())
    assert len(there.outbox.messages) == 1


async def test_a_reference_that_is_another_in_each_refusal_does_not_burn_the_backlog(there: World) -> None:
    there.faults(
        SentinelFault(
            kind=SentinelFaultKind.STATUS, status=400, message="refused, reference {reference}", times=None, name="form"
        )
    )
    publisher = there.publisher()
    backlog = messages_of((f"f-{number}" for number in range(200)), 20)
    assert reasons(await publisher(backlog)) == ["Park"] * 10
    assert there.count("requests") < 20
    there.sentinel.faults.remove("form")
    assert completed((await run_until_settled(there, publisher, backlog)).values())
    assert len(there.holds()) == 200
    assert there.outbox.messages == []


def test_whatever_the_words_are_refusals_in_a_row_make_the_suspicion() -> None:
    suspicion = Suspicion()
    for _ in range(4):
        suspicion.refused()
    assert not suspicion.strong
    suspicion.refused()
    assert suspicion.strong


def test_an_object_that_is_accepted_ends_the_suspicion() -> None:
    suspicion = Suspicion()
    for _ in range(4):
        suspicion.refused()
    suspicion.accepted()
    suspicion.refused()
    assert not suspicion.strong
