"""Only who holds a workspace's session uploads there, by what the books say then; who was stopped and uploads all the
same makes it good.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from mti.common.contracts import Carried
from mti.common.errors import LockLost
from mti.common.ports.bus import Received
from mti.common.ports.settlement import Complete, Park
from mti.common.registry import Feed
from mti.publisher.halving import Taken
from mti.publisher.holdings import MARGIN
from mti.publisher.records import Accept, Backing, Item, Withdraw
from mti.publisher.repairing import Uploading
from mti.publisher.retrying import Tally
from mti.simulators.sentinel import SentinelFault, SentinelFaultKind
from tests.publisher.world import CONTOSO, CUSTOMER, World, completed, hash_of, indicator, message, messages_of
from tests.support.waiting import PATIENCE

OTHER = "grid:eu"


@dataclass
class Lease:
    """The lock of a session, which runs out at a moment of the world's clock."""

    there: World
    seconds: float

    def __post_init__(self) -> None:
        self.until = self.there.clock.monotonic() + self.seconds

    def remaining(self) -> float:
        return max(0.0, self.until - self.there.clock.monotonic())


@dataclass
class Held:
    """An uploader whose requests stand still, after all is decided and before they are made, until let go."""

    uploader: Uploading
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    after: bool = False
    """Whether to stand still behind the first request instead: it is answered, and that is not yet entered."""
    times: int = 1

    @property
    def in_flight(self) -> int:
        return self.uploader.in_flight

    @property
    def used(self) -> float:
        return self.uploader.used

    def interrupt(self) -> None:
        self.uploader.interrupt()

    async def send(
        self, items: Sequence[Item], *, probe: bool = False, ready: Callable[[], Awaitable[None]] | None = None
    ) -> AsyncGenerator[Taken]:
        stand = self.times > 0
        self.times -= 1

        async def decided() -> None:
            if ready is not None:
                await ready()
            if stand and not self.after:
                await self._stand()

        async for taken in self.uploader.send(items, probe=probe, ready=decided):
            if stand and self.after:
                await self._stand()
            yield taken

    async def _stand(self) -> None:
        self.reached.set()
        await self.go.wait()

    def take_tally(self) -> Tally:
        return self.uploader.take_tally()


@dataclass
class Stopped:
    """A publisher that stands still over a batch."""

    held: Held
    task: "asyncio.Task[Any]"

    async def go_on(self) -> None:
        self.held.go.set()
        await self.task


async def stopped(there: World, *messages: Received, after: bool = False) -> Stopped:
    """Start a publisher of its own on messages, and return when it stands still."""
    held: list[Held] = []

    def around(uploader: Uploading) -> Uploading:
        held.append(Held(uploader, after=after))
        return held[-1]

    publisher = there.publisher(around=around)
    task = asyncio.create_task(publisher(list(messages)))
    async with asyncio.timeout(PATIENCE):
        while not held:
            await asyncio.sleep(0.001)
        await held[0].reached.wait()
    return Stopped(held[0], task)


async def publish(there: World, *messages: Received) -> None:
    assert completed(await there.publisher()(list(messages)))


async def withdraw(there: World, name: str = "a", source: str = CUSTOMER) -> Received:
    """Enter a withdrawal in the books, and return the message that makes it true."""
    there.clock.turn(seconds=1)
    given = {source: Backing()}
    own = indicator(name).id
    await there.versions.record(CONTOSO, [Withdraw(id=own, at=there.clock.now(), sources=given)])
    hours = (there.clock.now() - indicator(name).modified).total_seconds() / 3600
    return message(indicator(name, hours=hours, revoked=True), source=source)


def malicious(there: World) -> dict[str, str]:
    """Return `modified` of what the workspace shows as malicious, by hash."""
    state = there.sentinel.workspaces[CONTOSO].state.values()
    return {found.observable.value: found.modified for found in state if found.observable and not found.revoked}


async def agree(there: World) -> None:
    """See that the books say what the workspace shows."""
    entries = await there.versions.look_up(CONTOSO, [indicator("a").id])
    known = entries[indicator("a").id]
    assert not known.unsure
    assert known.alive == (hash_of("a") in malicious(there))
    if known.alive and known.version is not None:
        stamp = known.version.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        assert malicious(there) == {hash_of("a"): stamp}


async def test_a_lock_that_runs_out_while_the_budget_is_waited_for_ends_the_delivery(there: World) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.RATE_LIMITED, seconds=30, times=1))
    lease = Lease(there, 20)
    with pytest.raises(LockLost, match="nothing more is uploaded"):
        await there.publisher()([message(indicator("a"), lease=lease)])
    assert there.holds() == set()
    assert there.count("accepted_objects") == 0


async def test_what_was_uploaded_before_the_lock_ran_out_stays_in_the_books_and_is_not_sent_again(there: World) -> None:
    names = [f"f-{number}" for number in range(150)]
    batch = messages_of(names, 50, to=CONTOSO)
    there.faults(SentinelFault(kind=SentinelFaultKind.RATE_LIMITED, seconds=30, times=1, nth=2))
    lease = Lease(there, 20)
    with pytest.raises(LockLost):
        await there.publisher()([replace(each, lease=lease) for each in batch])
    assert there.count("accepted_objects") == 100
    await publish(there, *batch)
    assert len(there.holds()) == 150
    assert there.count("identical_resends") == 0


async def test_no_request_begins_in_the_last_seconds_of_a_lock(there: World) -> None:
    with pytest.raises(LockLost):
        await there.publisher()([message(indicator("a"), lease=Lease(there, MARGIN - 0.1))])
    assert there.count("requests") == 0
    await publish(there, message(indicator("a"), lease=Lease(there, MARGIN + 0.1)))


async def test_what_is_withdrawn_during_a_wait_is_seen_before_the_request(there: World) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.RATE_LIMITED, seconds=30, times=1))
    waiting = there.clock.sleep

    async def sleep(seconds: float) -> None:
        there.clock.sleep = waiting  # type: ignore[method-assign]
        await withdraw(there)
        await waiting(seconds)

    there.clock.sleep = sleep  # type: ignore[method-assign]
    assert await there.publisher()([message(indicator("a"))]) == [Complete()]
    assert there.count("accepted_objects") == 0


async def test_a_newer_version_that_somebody_else_delivers_during_a_wait_is_not_overwritten(there: World) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.RATE_LIMITED, seconds=30, times=1))
    waiting = there.clock.sleep

    async def sleep(seconds: float) -> None:
        there.clock.sleep = waiting  # type: ignore[method-assign]
        await publish(there, message(indicator("a", hours=2)))
        await waiting(seconds)

    there.clock.sleep = sleep  # type: ignore[method-assign]
    assert await there.publisher()([message(indicator("a", hours=1))]) == [Complete()]
    assert there.count("went_back") == 0
    await agree(there)


@pytest.mark.parametrize("answered", [False, True], ids=["before its request", "before it enters the answer"])
async def test_withdrawn_while_it_is_uploaded_it_stays_where_another_source_backs_it(
    there: World, answered: bool
) -> None:
    await publish(there, message(indicator("a"), source=OTHER))
    publisher = await stopped(there, message(indicator("a", hours=1)), after=answered)
    order = await withdraw(there)
    await publisher.go_on()
    assert completed(publisher.task.result())
    await publish(there, order)
    assert malicious(there).keys() == {hash_of("a")}
    await agree(there)


async def test_what_was_left_unsure_before_its_source_was_withdrawn_is_set_right_and_holds_nobody_up(
    there: World,
) -> None:
    await publish(there, message(indicator("a")))
    disturbed = (7, None, False, 0, 0)
    newer = Item.of(
        Carried.of(indicator("a", hours=1)),
        source=OTHER,
        feed=Feed.MALWARE_GRID,
        extension=timedelta(),
    )
    await there.versions.record(CONTOSO, [Accept(newer, disturbed)])
    await withdraw(there, source=OTHER)
    await publish(there, message(indicator("a")), message(indicator("b")))
    assert malicious(there).keys() == {hash_of("a"), hash_of("b")}
    assert (await there.versions.look_up(CONTOSO, [newer.own]))[newer.own].unsure is False


@pytest.mark.parametrize("answered", [False, True], ids=["before its request", "before it enters the answer"])
@pytest.mark.parametrize("held", [False, True], ids=["first seen", "held before"])
async def test_stopped_while_it_is_withdrawn_the_workspace_ends_with_it_revoked(
    there: World, answered: bool, held: bool
) -> None:
    if held:
        await publish(there, message(indicator("a")))
    late = await stopped(there, message(indicator("a", hours=-0.5 if not held else 0.1)), after=answered)
    await publish(there, await withdraw(there))
    await late.go_on()
    assert malicious(there) == {}
    await agree(there)


@pytest.mark.parametrize("answered", [False, True], ids=["before its request", "before it enters the answer"])
async def test_stopped_while_a_newer_version_is_delivered_the_newer_one_stays(there: World, answered: bool) -> None:
    await publish(there, message(indicator("a")))
    late = await stopped(there, message(indicator("a", hours=1)), after=answered)
    await publish(there, message(indicator("a", hours=2)))
    await late.go_on()
    await agree(there)
    assert next(iter(malicious(there).values())) > indicator("a", hours=1).modified.isoformat()


@pytest.mark.parametrize("answered", [False, True], ids=["before its request", "before it enters the answer"])
async def test_the_one_that_revokes_is_stopped_and_it_stays_revoked(there: World, answered: bool) -> None:
    await publish(there, message(indicator("a")))
    late = await stopped(there, await withdraw(there), after=answered)
    there.clock.turn(hours=1)
    await publish(there, message(indicator("a", hours=0.5)))
    await late.go_on()
    assert malicious(there) == {}
    await agree(there)


async def test_the_one_that_revokes_is_stopped_and_another_source_brings_it_under_the_next_id(there: World) -> None:
    await publish(there, message(indicator("a")))
    withdrawal = await withdraw(there)
    late = await stopped(there, withdrawal)
    await publish(there, withdrawal)
    await publish(there, message(indicator("a", hours=1), source=OTHER))
    await late.go_on()
    assert set(malicious(there)) == {hash_of("a")}
    assert there.count("revived") == 0
    await agree(there)


async def test_an_upload_under_an_id_that_was_spent_meanwhile_is_revoked(there: World) -> None:
    await publish(there, message(indicator("a")))
    late = await stopped(there, message(indicator("a", hours=0.1)))
    await publish(there, await withdraw(there))
    await publish(there, message(indicator("a", hours=1), source=OTHER))
    await late.go_on()
    alive = [found for found in there.sentinel.workspaces[CONTOSO].state.values() if not found.revoked]
    assert len(alive) == 1
    await agree(there)


async def test_two_that_were_stopped_and_go_on_at_once_end_alike(there: World) -> None:
    await publish(there, message(indicator("a")))
    one = await stopped(there, message(indicator("a", hours=0.1)))
    other = await stopped(there, message(indicator("a", hours=0.2)))
    await publish(there, await withdraw(there))
    await asyncio.gather(one.go_on(), other.go_on())
    assert malicious(there) == {}
    await agree(there)


async def test_two_versions_that_were_stopped_end_with_the_newer_one(there: World) -> None:
    for order in ((0.1, 0.2), (0.4, 0.3)):
        late = [await stopped(there, message(indicator("a", hours=hours))) for hours in order]
        await asyncio.gather(*(each.go_on() for each in late))
        await agree(there)


async def test_what_can_t_be_made_good_at_once_is_made_good_when_its_message_comes_again(there: World) -> None:
    await publish(there, message(indicator("a")))
    late_message = message(indicator("a", hours=0.1))
    late = await stopped(there, late_message)
    await publish(there, await withdraw(there))
    there.faults(SentinelFault(kind=SentinelFaultKind.STATUS, status=403, times=1, nth=2))
    late.held.go.set()
    [outcome] = await late.task
    assert isinstance(outcome, Park)
    assert set(malicious(there)) == {hash_of("a")}
    there.clock.turn(seconds=outcome.delay.total_seconds() + 1)
    await publish(there, late_message)
    assert malicious(there) == {}
    await agree(there)


async def test_what_an_unanswered_upload_left_is_revoked_when_it_was_withdrawn_meanwhile(there: World) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.DROPPED, accepted=True, times=None))
    one = message(indicator("a"))
    [outcome] = await there.publisher()([one])
    assert isinstance(outcome, Park)
    assert set(malicious(there)) == {hash_of("a")}
    there.sentinel.faults.clear()
    await withdraw(there)
    there.clock.turn(seconds=outcome.delay.total_seconds() + 1)
    await publish(there, replace(one, properties={**one.properties, "mti_parks": 1}))
    assert malicious(there) == {}
    await agree(there)


async def test_what_a_publisher_uploaded_when_it_was_killed_is_revoked_when_it_was_withdrawn_meanwhile(
    there: World,
) -> None:
    one = message(indicator("a"))
    killed = await stopped(there, one, after=True)
    killed.task.cancel()
    await asyncio.gather(killed.task, return_exceptions=True)
    assert set(malicious(there)) == {hash_of("a")}
    await withdraw(there)
    await publish(there, one)
    assert malicious(there) == {}
    await agree(there)


async def test_what_was_never_tried_before_it_was_withdrawn_is_not_uploaded_at_all(there: World) -> None:
    await withdraw(there)
    await publish(there, message(indicator("a")))
    assert there.count("requests") == 0
