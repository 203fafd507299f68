"""Queues and topics that are full: what was to go into them waits, is not lost, and counts no failed delivery."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mti.common.errors import BusFull, Pause
from mti.common.hosting import QueueConsumer, SessionConsumer, Settler, consumer
from mti.common.ports.bus import Outgoing, Received, Sender
from mti.common.ports.clock import SystemClock
from mti.common.ports.settlement import Complete, Outcome
from mti.common.topology import Entity
from tests.support.bus import FETCH_JOBS, INDICATORS, connected, counts, left_in, running_namespace
from tests.support.waiting import PATIENCE

FULL = {"MaxSizeInMegabytes": 1}
BODY = random.Random(1).randbytes(250_000)


def outgoing(id: str) -> Outgoing:
    return Outgoing(body=BODY, message_id=id, session_id="w1")


async def fill(sender: Sender) -> None:
    for number in range(9):
        await sender.send([outgoing(f"m{number}")])


async def test_a_full_topic_is_said_to_be_full(tmp_path: Path) -> None:
    async with running_namespace(tmp_path, indicators=FULL) as namespace, connected(namespace) as bus:
        with pytest.raises(BusFull, match=r"'indicators'.*MaxSizeInMegabytes"):
            await fill(bus.sender(INDICATORS))


@pytest.mark.parametrize("entity", [FETCH_JOBS, INDICATORS], ids=str)
async def test_a_message_that_is_to_be_parked_in_a_full_topic_waits_there_without_counting(
    tmp_path: Path, entity: Entity, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The copy that takes a parked message's place does not fit the topic that the message itself fills."""
    monkeypatch.setattr(consumer, "FULL_DELAY", 0.05)
    clock, stop, paused, seen = SystemClock(), asyncio.Event(), True, list[Received]()

    async def handler(messages: Sequence[Received]) -> Sequence[Outcome]:
        seen.extend(messages)
        if paused:
            raise Pause("RoleMissing", "the workspace refuses us", timedelta(seconds=1))
        return [Complete() for _ in messages]

    deliveries = {"MaxDeliveryCount": 2}
    config: dict[str, Any] = {"publisher": deliveries, "fetch_jobs": deliveries, "indicators": {}}
    config[entity.name.replace("-", "_")] = config[entity.name.replace("-", "_")] | FULL
    async with running_namespace(tmp_path, **config) as namespace, connected(namespace) as bus:
        sender = bus.sender(entity)
        with pytest.raises(BusFull):
            await fill(sender)
        stored = (await counts(namespace, str(entity)))["active"]
        settler = Settler(sender, entity.to, clock, random.Random(1))
        running: QueueConsumer | SessionConsumer
        if entity == INDICATORS:
            running = SessionConsumer(bus, entity, handler, settler, clock, slots=1, session_wait=1, idle=0.1)
        else:
            running = QueueConsumer(bus, entity, handler, settler, clock, wait=0.2)
        task = asyncio.create_task(running.run(stop))
        async with asyncio.timeout(PATIENCE):
            while sum(message.message_id == "m0" for message in seen) < 4:  # the service gives up after two
                await asyncio.sleep(0.05)
            paused = False
            while await left_in(namespace, entity):
                await asyncio.sleep(0.05)
        stop.set()
        await task
        assert {message.delivery_count for message in seen} == {0}
        assert {message.message_id for message in seen} == {f"m{number}" for number in range(stored)}
        assert (await counts(namespace, str(entity)))["dead_letter"] == 0
        assert any("MaxSizeInMegabytes" in str(record.__dict__.get("why")) for record in caplog.records)
