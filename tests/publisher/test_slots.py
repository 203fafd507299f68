"""Slots are for work: a destination that makes us wait holds one for a short while only."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

from mti.common.hosting import SessionConsumer, Settler
from mti.common.hosting.session_consumer import ACCEPTING
from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.clock import SystemClock
from mti.common.ports.settlement import Complete, Outcome, Park
from mti.simulators.sentinel import SentinelFault, SentinelFaultKind
from tests.publisher.world import World, indicator, message
from tests.support.bus import INDICATORS, connected, running_namespace
from tests.support.waiting import in_time


async def test_a_workspace_that_is_throttled_for_ever_holds_its_slot_for_a_minute_and_then_only_to_be_asked(
    there: World,
) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.RATE_LIMITED, seconds=60, times=None))
    publisher = there.publisher()
    held = []
    for _ in range(4):
        began = there.clock.monotonic()
        [outcome] = await publisher([message(indicator("a"))])
        held.append(there.clock.monotonic() - began)
        assert isinstance(outcome, Park)
        assert outcome.delay.total_seconds() >= 60
        there.clock.turn(seconds=outcome.delay.total_seconds())
    assert held[0] < 90
    assert max(held[1:]) < 5


async def test_a_short_throttling_is_waited_for_and_pauses_nothing(there: World) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.RATE_LIMITED, seconds=10, times=4))
    assert await there.publisher()([message(indicator("a"))]) == [Complete()]
    assert (await there.checkpoint()).pause is None


async def test_as_many_sessions_are_held_as_there_are_slots_though_few_look_for_one_at_a_time(tmp_path: Path) -> None:
    slots = ACCEPTING * 2
    stop, all_here, names = asyncio.Event(), asyncio.Event(), set[str | None]()

    async def hold(messages: Sequence[Received]) -> list[Outcome]:
        names.update(found.session_id for found in messages)
        if len(names) == slots:
            all_here.set()
        await all_here.wait()
        return [Complete() for _ in messages]

    async with running_namespace(tmp_path) as namespace, connected(namespace) as bus:
        sender = bus.sender(INDICATORS)
        await sender.send(
            [Outgoing(body=b"x", message_id=f"m{number}", session_id=f"s{number}") for number in range(slots)]
        )
        settler = Settler(sender, INDICATORS.to, SystemClock(), random.Random(1))
        consumer = SessionConsumer(bus, INDICATORS, hold, settler, SystemClock(), slots=slots, session_wait=1, idle=0.1)
        task = asyncio.create_task(consumer.run(stop))
        try:
            await in_time(all_here.wait())
        finally:
            stop.set()
            all_here.set()
            await task
    assert len(names) == slots
