import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from mti.common.errors import BusUnavailable
from mti.common.ports.bus import Outgoing
from mti.common.topology import STANDARD
from mti.fetcher.timetable import QUEUED_FOR, Run
from mti.simulators import MimecastFault, MimecastFaultKind
from tests.fetcher.world import CUSTOMER, GRID, NOW, OLD_CUSTOMER, Queue, world


@dataclass
class FailingBus:
    """A bus that takes the first message, and does not say so."""

    queue: Queue
    down: bool = True

    async def send(self, messages: Sequence[Outgoing]) -> None:
        await self.queue.send(messages[:1] if self.down else messages)
        if self.down:
            raise BusUnavailable("the bus is down")


async def test_every_source_gets_one_job_and_no_second_while_it_is_on_its_way(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        schedule = there.schedule()
        assert await schedule.run_once() == 3
        there.clock.turn(minutes=4)
        assert await schedule.run_once() == 0
        assert sorted(str(message.subject) for message in there.queue.waiting) == [CUSTOMER, OLD_CUSTOMER, GRID]


async def test_a_job_that_waits_longer_than_a_slot_has_no_second_from_the_same_instance(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        schedule = there.schedule()
        there.clock.turn(minutes=4)
        assert await schedule.run_once() == 3
        there.clock.turn(minutes=4)
        assert await schedule.run_once() == 0
        there.clock.turn(minutes=1)
        assert await schedule.run_once() == 3, "it counts as lost"


async def test_an_instance_that_began_a_moment_ago_sends_no_second_job(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.schedule().run_once()
        there.clock.turn(minutes=4)
        await there.schedule().run_once()
        assert len(there.queue.waiting) == 3


def test_the_bus_remembers_a_job_for_longer_than_another_instance_may_send_it_again() -> None:
    assert STANDARD.jobs.duplicates > QUEUED_FOR


async def test_a_second_job_of_a_source_that_is_fetched_makes_no_call(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        there.clock.turn(minutes=4)
        await there.schedule().run_once()
        there.clock.turn(minutes=1)
        await there.schedule().run_once()
        assert len(there.queue.waiting) == 6
        await there.drain()
        assert there.calls() == [1, 2, 3]
        assert await there.ledger() == there.truth()


async def test_a_look_at_what_is_due_writes_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.schedule().run_once()
        assert [source async for source, _ in there.checkpoints.all()] == []
        await there.drain()
        before = {source: checkpoint.revision async for source, checkpoint in there.checkpoints.all()}
        there.clock.turn(minutes=5)
        assert await there.schedule().run_once() == 3
        assert {source: checkpoint.revision async for source, checkpoint in there.checkpoints.all()} == before


async def test_two_instances_at_once_send_one_job(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await asyncio.gather(there.schedule().run_once(), there.schedule().run_once())
        assert len(there.queue.waiting) == 3


async def test_a_source_is_due_again_after_its_poll_interval(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.schedule().run_once()
        await there.drain()
        there.clock.turn(minutes=4, seconds=59)
        assert await there.schedule().run_once() == 0
        there.clock.turn(seconds=1)
        assert await there.schedule().run_once() == 3


async def test_a_job_that_was_lost_is_sent_again_after_five_minutes_under_another_id(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.schedule().run_once()
        there.queue.waiting.clear()
        there.clock.turn(minutes=5)
        assert await there.schedule().run_once() == 3
        assert len(there.queue.waiting) == 3


async def test_a_next_job_that_was_lost_is_sent_again_under_another_id(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.schedule().run_once()
        handler = there.handler()
        while (await there.checkpoint()).token is None:
            await there.step(handler)
        there.queue.waiting.clear()
        there.clock.turn(minutes=5)
        await there.schedule().run_once()
        await there.drain()
        assert await there.ledger() == there.truth()


async def test_a_bus_that_is_down_loses_no_job(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        bus = FailingBus(there.queue)
        schedule = there.schedule(jobs=bus)
        with pytest.raises(BusUnavailable):
            await schedule.run_once()
        bus.down = False
        assert await schedule.run_once() == 3
        assert len(there.queue.waiting) == 3


async def test_a_new_run_does_not_wait_for_a_job_of_the_one_before(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        there.run = Run(there.clock.now())
        await there.schedule().run_once()
        there.queue.waiting.clear()
        there.clock.turn(seconds=2)
        there.run = Run(there.clock.now())
        await there.schedule().run_once()
        assert len(there.queue.waiting) == 3


async def test_a_paused_source_gets_a_job_when_it_is_to_be_probed(tmp_path: Path) -> None:
    rule = MimecastFault(kind=MimecastFaultKind.STATUS, feed=CUSTOMER, status=403, retryable=False)
    async with world(tmp_path, rule) as there:
        await there.schedule().run_once()
        await there.drain()
        pause = (await there.checkpoint()).pause
        assert pause is not None
        assert await there.schedule().run_once() == 0
        there.clock.time = pause.until
        assert await there.schedule().run_once() == 1


class TestUntilIdle:
    async def test_every_source_is_fetched_up_to_the_start_and_then_never_again(self, tmp_path: Path) -> None:
        started = NOW + timedelta(milliseconds=300)
        async with world(tmp_path, run=Run(started, until_idle=True)) as there:
            there.clock.turn(milliseconds=400)
            assert await there.schedule().run_once() == 0, "a window ends at a whole second"
            there.clock.turn(seconds=1)
            assert await there.schedule().run_once() == 3
            await there.drain()
            there.clock.turn(hours=1)
            assert await there.schedule().run_once() == 0
            checkpoint = await there.checkpoint()
            assert checkpoint.covered_until is not None
            assert checkpoint.covered_until >= started

    async def test_a_window_that_an_earlier_run_left_open_is_closed_and_another_follows_at_once(
        self, tmp_path: Path
    ) -> None:
        async with world(tmp_path) as there:
            await there.schedule().run_once()
            handler = there.handler()
            while (await there.checkpoint()).token is None:
                await there.step(handler)
            there.queue.waiting.clear()
            there.clock.turn(seconds=30)
            there.run = Run(there.clock.now(), until_idle=True)
            await there.schedule().run_once()
            await there.drain()
            assert there.calls() == [1, 2, 3, 1]
            assert (await there.checkpoint()).covered_until == there.clock.now()

    async def test_a_source_that_is_paused_is_probed_at_once_and_not_fetched_twice(self, tmp_path: Path) -> None:
        rule = MimecastFault(kind=MimecastFaultKind.STATUS, feed=CUSTOMER, status=403, retryable=False)
        async with world(tmp_path, rule) as there:
            await there.fetch()
            there.clock.turn(seconds=2)
            there.run = Run(there.clock.now(), until_idle=True)
            await there.schedule().run_once()
            await there.drain()
            assert (await there.checkpoint()).pause is None
            assert await there.ledger() == there.truth()
