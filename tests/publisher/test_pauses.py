"""A destination that is at fault is left alone: its messages wait, nobody else's do."""

import logging
from collections.abc import Sequence
from datetime import timedelta

import pytest

from mti.common.ports.settlement import Park
from mti.publisher.records import Change, DestinationCheckpoint, Published
from mti.simulators.sentinel import SentinelEndpoint, SentinelFault, SentinelFaultKind
from tests.publisher.world import (
    CONTOSO,
    FABRIKAM,
    NOW,
    OTHER_CUSTOMER,
    World,
    completed,
    hash_of,
    indicator,
    message,
    messages_of,
    reasons,
    run_until_settled,
)


def status(code: int, **fields: object) -> SentinelFault:
    return SentinelFault.model_validate(
        {"kind": SentinelFaultKind.STATUS, "status": code, "times": None, "name": "fault", **fields}
    )


@pytest.mark.parametrize(
    ("fault", "reason", "cure"),
    [
        (status(401), "CredentialsRefused", "check azure_tenant_id"),
        (status(403), "RoleMissing", "Microsoft Sentinel Contributor"),
        (status(404), "WorkspaceUnknown", "check workspace_id"),
        (status(500), "DestinationUnavailable", "check http://127.0.0.1"),
        (SentinelFault(kind=SentinelFaultKind.RATE_LIMITED, seconds=91, times=None), "RateLimited", "what else"),
        (SentinelFault(kind=SentinelFaultKind.RATE_LIMITED, seconds=40, times=None), "RateLimited", "what else"),
        (status(500, endpoint=SentinelEndpoint.TOKEN), "DestinationUnavailable", "no token from"),
    ],
)
async def test_the_pause_names_the_fault_and_the_cure(
    there: World, fault: SentinelFault, reason: str, cure: str
) -> None:
    there.faults(fault)
    [outcome] = await there.publisher()([message(indicator("a"))])
    assert isinstance(outcome, Park)
    pause = (await there.checkpoint()).pause
    assert pause is not None
    assert pause.reason == reason
    assert cure in pause.description
    assert CONTOSO in pause.description
    assert "contoso" in pause.description


async def test_a_paused_destination_is_not_asked_again_before_its_time(there: World) -> None:
    there.faults(status(404))
    publisher = there.publisher()
    await publisher([message(indicator("a"))])
    asked = there.count("requests")
    statuses = there.sentinel.statuses.copy()
    outcomes = await publisher(messages_of((f"f-{number}" for number in range(50)), 5))
    assert there.sentinel.statuses == statuses
    assert there.count("requests") == asked
    pause = (await there.checkpoint()).pause
    assert pause is not None
    delays = [outcome.delay for outcome in outcomes if isinstance(outcome, Park)]
    assert len(delays) == 10
    assert all(pause.until <= there.clock.now() + delay <= pause.until + timedelta(seconds=10) for delay in delays)


async def test_the_delay_grows_from_probe_to_probe_and_ends_with_the_fault(there: World) -> None:
    there.faults(status(403))
    publisher = there.publisher()
    delays = []
    for _ in range(9):
        [outcome] = await publisher([message(indicator("a"))])
        assert isinstance(outcome, Park)
        delays.append(outcome.delay)
        there.clock.turn(seconds=outcome.delay.total_seconds())
    assert delays[0] <= timedelta(seconds=33)
    assert all(delay <= timedelta(minutes=31) for delay in delays)
    assert delays[6] > delays[3] > delays[0]
    there.sentinel.faults.remove("fault")
    assert completed(await publisher([message(indicator("a"))]))
    assert (await there.checkpoint()).pause is None


async def test_a_person_who_starts_a_run_has_the_pause_probed_at_once(there: World) -> None:
    there.faults(status(403))
    await there.publisher()([message(indicator("a"))])
    there.sentinel.faults.remove("fault")
    there.clock.turn(seconds=1)
    assert completed(await there.publisher(run_started=there.clock.now())([message(indicator("a"))]))


async def test_a_probe_that_gets_no_answer_does_not_hold_its_slot_for_long(there: World) -> None:
    there.faults(status(500))
    publisher = there.publisher()
    [outcome] = await publisher([message(indicator("a"))])
    assert isinstance(outcome, Park)
    assert there.count("requests") == 10
    there.clock.turn(seconds=outcome.delay.total_seconds())
    await publisher([message(indicator("a"))])
    assert there.count("requests") == 12


async def test_the_neighbours_of_a_paused_destination_are_served(there: World) -> None:
    there.faults(status(403, workspace=CONTOSO))
    outcomes = await there.publisher()(
        [message(indicator("a")), message(indicator("b"), to=FABRIKAM, source=OTHER_CUSTOMER)]
    )
    assert reasons(outcomes) == ["Park", "Complete"]
    assert there.holds(FABRIKAM) == {hash_of("b")}


async def test_what_was_accepted_before_a_pause_is_not_sent_again(there: World) -> None:
    there.faults(status(404, nth=3, times=1))
    names = [f"f-{number}" for number in range(350)]
    backlog = messages_of(names, 70)
    publisher = there.publisher()
    outcomes = await publisher(backlog)
    assert reasons(outcomes) == ["Complete", "Complete", "Park", "Park", "Park"]
    assert completed((await run_until_settled(there, publisher, backlog[2:])).values())
    assert there.count("identical_resends") == 0
    assert there.holds() == {hash_of(name) for name in names}


async def test_a_pause_is_logged_once_and_so_is_its_end(there: World, caplog: pytest.LogCaptureFixture) -> None:
    there.faults(status(403, times=3))
    with caplog.at_level(logging.INFO, "mti.publisher"):
        await run_until_settled(there, there.publisher(), messages_of((f"f-{number}" for number in range(40)), 10))
    said = [record.message for record in caplog.records if "destination" in record.message]
    assert said == ["a destination is paused", "a destination works again"]


async def test_messages_that_need_no_request_do_not_end_a_pause(there: World) -> None:
    publisher = there.publisher()
    await publisher([message(indicator("a"))])
    there.faults(status(403))
    [outcome] = await publisher([message(indicator("b"))])
    assert isinstance(outcome, Park)
    there.clock.turn(seconds=outcome.delay.total_seconds())
    assert completed(await publisher([message(indicator("a"))]))
    assert (await there.checkpoint()).pause is not None


async def test_the_pause_says_since_when(there: World) -> None:
    there.faults(status(403))
    await run_until_settled(there, there.publisher(), [message(indicator("a"))], rounds=3)
    pause = (await there.checkpoint()).pause
    assert pause is not None
    assert pause.since == NOW
    assert pause.attempts == 3


async def lifted(there: World) -> None:
    """Do what `mti pauses lift` does to a workspace."""
    found = await there.checkpoints.load(CONTOSO, DestinationCheckpoint())
    await there.checkpoints.save(found.with_value(found.value.model_copy(update={"pause": None})))


async def test_a_pause_that_a_person_lifts_is_over_for_what_comes_next(there: World) -> None:
    there.faults(status(403))
    publisher = there.publisher()
    await publisher([message(indicator("a"))])
    there.sentinel.faults.remove("fault")
    assert reasons(await publisher([message(indicator("a"))])) == ["Park"]
    await lifted(there)
    assert completed(await publisher([message(indicator("a"))]))
    assert (await there.checkpoint()).pause is None


async def test_what_is_still_at_fault_after_a_lift_is_paused_anew(there: World) -> None:
    there.faults(status(403))
    publisher = there.publisher()
    for _ in range(5):
        [outcome] = await publisher([message(indicator("a"))])
        assert isinstance(outcome, Park)
        there.clock.turn(seconds=outcome.delay.total_seconds())
    await lifted(there)
    asked = there.count("requests")
    await publisher([message(indicator("a"))])
    assert there.count("requests") == asked + 1
    pause = (await there.checkpoint()).pause
    assert pause is not None
    assert (pause.attempts, pause.until - there.clock.now() <= timedelta(seconds=30)) == (1, True)


async def test_a_pause_that_is_lifted_while_a_batch_is_in_hand_does_not_come_back(there: World) -> None:
    publisher = there.publisher()
    await publisher([message(indicator("a"))])
    there.faults(status(403))
    [outcome] = await publisher([message(indicator("b"))])
    assert isinstance(outcome, Park)
    there.clock.turn(seconds=outcome.delay.total_seconds())

    class Versions:
        look_up = there.versions.look_up

        async def record(self, destination: str, changes: Sequence[Change]) -> dict[str, Published]:
            await lifted(there)
            return await there.versions.record(destination, changes)

    # The workspace has it, so that nothing is sent: the batch itself finds out nothing about the pause.
    assert completed(await there.publisher(versions=Versions())([message(indicator("a", hours=-1))]))
    assert (await there.checkpoint()).pause is None
