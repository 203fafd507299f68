"""One object that the server fails over is set aside when others pass; when nothing passes, no object is blamed."""

import random

import pytest

from mti.common.ports.settlement import DeadLetter, Park
from mti.simulators.sentinel import SentinelFault, SentinelFaultKind
from tests.publisher.world import (
    CONTOSO,
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

NAMES = [f"f-{number}" for number in range(15)]


def provoked(name: str, status: int = 500, kind: SentinelFaultKind = SentinelFaultKind.STATUS) -> SentinelFault:
    return SentinelFault(kind=kind, status=status, message="oh no", holds=indicator(name).id, times=None)


WAYS = [
    (500, SentinelFaultKind.STATUS),
    (502, SentinelFaultKind.HTML),
    (503, SentinelFaultKind.STATUS),
    (599, SentinelFaultKind.HTML),
    (403, SentinelFaultKind.HTML),
    (406, SentinelFaultKind.HTML),
    (418, SentinelFaultKind.HTML),
]


@pytest.mark.parametrize("bad", [NAMES[0], NAMES[7], NAMES[14]])
@pytest.mark.parametrize(("status", "kind"), WAYS)
async def test_one_object_that_is_never_taken_is_set_aside_and_all_others_arrive(
    there: World, bad: str, status: int, kind: SentinelFaultKind
) -> None:
    there.faults(provoked(bad, status, kind))
    publisher = there.publisher()
    outcomes = await run_until_settled(there, publisher, messages_of(NAMES, 5))
    assert completed(outcomes.values())
    assert there.holds() == {hash_of(name) for name in NAMES if name != bad}
    [part] = there.outbox.messages
    [outcome] = await publisher([received(part)])
    assert isinstance(outcome, DeadLetter)
    assert outcome.reason == "ObjectRefused"
    assert f"HTTP {status}" in outcome.description
    assert indicator(bad).id in outcome.description
    assert (await there.checkpoint()).pause is None
    assert there.count("identical_resends") == 0


async def test_sentinels_words_are_in_the_dead_letter(there: World) -> None:
    there.faults(provoked("bad"))
    [bad, _] = await there.publisher()([message(indicator("bad")), *messages_of(NAMES, 15)])
    assert isinstance(bad, DeadLetter)
    assert "oh no" in bad.description


async def test_among_many_the_one_is_found_with_few_requests(there: World) -> None:
    names = [f"f-{number}" for number in range(300)]
    there.faults(provoked("f-142"))
    outcomes = await run_until_settled(there, there.publisher(), messages_of(names, 100))
    assert completed(outcomes.values())
    assert len(there.holds()) == 299
    assert there.count("requests") < 50


@pytest.mark.parametrize("seed", range(4))
async def test_several_such_objects_are_found_as_others_pass(there: World, seed: int) -> None:
    names = [f"f-{number}" for number in range(60)]
    bad = random.Random(seed).sample(names, 5)
    there.faults(*(provoked(name) for name in bad))
    publisher, backlog = there.publisher(), messages_of(names, 20)
    outcomes = await run_until_settled(there, publisher, backlog)
    good = {hash_of(name) for name in names if name not in bad}
    assert there.holds() == good
    # Where bad ones alone were left, they wait for something that passes.
    await run_until_settled(there, publisher, [message(indicator("later"))])
    waiting = [one for one in backlog if isinstance(outcomes[one.message_id], Park)]
    outcomes |= await run_until_settled(there, publisher, waiting)
    assert set(reasons(outcomes.values())) <= {"Complete", "ObjectRefused"}
    assert there.holds() == good | {hash_of("later")}


@pytest.mark.parametrize("size", [50, 10, 1])
async def test_requests_of_more_objects_than_the_server_bears_are_made_smaller(there: World, size: int) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.STATUS, status=500, over_objects=size, times=None))
    names = [f"f-{number}" for number in range(105)]
    outcomes = await run_until_settled(there, there.publisher(), messages_of(names, 35))
    assert completed(outcomes.values())
    assert there.holds() == {hash_of(name) for name in names}
    assert there.outbox.messages == []


async def test_what_a_server_bears_is_remembered_for_the_next_batch(there: World) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.STATUS, status=500, over_objects=50, times=None))
    publisher = there.publisher()
    await publisher(messages_of((f"f-{number}" for number in range(100)), 100))
    before = there.count("requests")
    await publisher(messages_of((f"g-{number}" for number in range(100)), 100))
    assert there.count("requests") - before == 2


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (500, SentinelFaultKind.STATUS, "DestinationUnavailable"),
        (502, SentinelFaultKind.HTML, "DestinationUnavailable"),
        (403, SentinelFaultKind.HTML, "RequestBlocked"),
        (418, SentinelFaultKind.HTML, "RequestBlocked"),
    ],
)
async def test_when_nothing_passes_it_is_the_destination(
    there: World, status: int, kind: SentinelFaultKind, reason: str
) -> None:
    there.faults(SentinelFault(name="down", kind=kind, status=status, times=None))
    publisher = there.publisher()
    backlog = messages_of((f"f-{number}" for number in range(400)), 40)
    for _ in range(4):
        outcomes = await publisher(backlog)
        assert reasons(outcomes) == ["Park"] * 10
        there.clock.turn(minutes=31)
    pause = (await there.checkpoint()).pause
    assert pause is not None
    assert (pause.reason, str(status) in pause.description, CONTOSO in pause.description) == (reason, True, True)
    assert there.count("requests") < 4 * 40
    there.sentinel.faults.remove("down")
    assert completed((await run_until_settled(there, publisher, backlog)).values())
    assert len(there.holds()) == 400
    assert there.outbox.messages == []


@pytest.mark.parametrize("status", [301, 308, 402, 405, 407, 409, 410, 411, 412, 415, 417, 421, 423, 426, 428, 431])
async def test_a_status_that_is_nobody_s_object_s_fault_pauses_without_a_search(there: World, status: int) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.STATUS, status=status, times=None))
    assert reasons(await there.publisher()(messages_of(NAMES, 5))) == ["Park"] * 3
    assert there.count("requests") == 10
    pause = (await there.checkpoint()).pause
    assert pause is not None
    assert pause.reason == "DestinationUnavailable"
    assert str(status) in pause.description


async def test_a_lone_bad_object_that_always_comes_alone_is_found_once_others_have_passed(there: World) -> None:
    there.faults(provoked("bad"))
    publisher = there.publisher()
    assert reasons(await publisher([message(indicator("bad"))])) == ["Park"]
    there.clock.turn(minutes=1)
    assert completed(await publisher([message(indicator("good"))]))
    assert reasons(await publisher([message(indicator("bad"))])) == ["ObjectRefused"]


async def test_an_outage_between_good_times_blames_no_object(there: World) -> None:
    publisher = there.publisher()
    for number in range(6):
        outage = SentinelFault(name="down", kind=SentinelFaultKind.STATUS, status=500, times=None)
        there.faults(outage)
        batch = messages_of((f"{number}-{each}" for each in range(30)), 10)
        assert reasons(await publisher(batch)) == ["Park"] * 3
        there.sentinel.faults.remove("down")
        there.clock.turn(minutes=31)
        assert completed((await run_until_settled(there, publisher, batch)).values())
    assert there.outbox.messages == []
    assert len(there.holds()) == 180


async def test_a_server_that_says_when_to_come_back_is_waited_for_and_no_object_is_searched(there: World) -> None:
    busy = SentinelFault(kind=SentinelFaultKind.RAW, status=503, headers={"Retry-After": "7"}, times=4)
    there.faults(busy)
    assert completed(await there.publisher()(messages_of(NAMES, 15)))
    assert there.count("requests") == 5
    assert [seconds for seconds in there.clock.slept if seconds >= 7] == [7.0] * 4


async def test_a_role_that_is_missing_in_the_api_s_own_words_needs_no_search(there: World) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.STATUS, status=403, times=None))
    await there.publisher()(messages_of(NAMES, 15))
    assert there.count("requests") == 1
    pause = (await there.checkpoint()).pause
    assert pause is not None
    assert pause.reason == "RoleMissing"
