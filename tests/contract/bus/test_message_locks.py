"""The locks of messages, through the SDK, against a namespace whose clock is not this machine's."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from mti.common.adapters.servicebus import ServiceBus
from mti.common.adapters.servicebus.links import close_link, open_link
from mti.common.adapters.servicebus.message_locks import kept
from mti.common.adapters.servicebus.received import ReceiverSettlement, from_sdk, receive
from mti.common.adapters.servicebus.session_lock import LOCK_SECONDS
from mti.common.errors import LockLost
from mti.common.hosting import QueueConsumer, SessionConsumer, Settler
from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.clock import SystemClock
from mti.common.ports.settlement import Complete, Outcome, Park
from mti.common.topology import Entity
from tests.support.bus import FETCH_JOBS, INDICATORS, RAW_PAGES, connected, counts, running_namespace
from tests.support.clocks import BrokerClock, QuickClock
from tests.support.waiting import PATIENCE, in_time

WRONG = {"fast": timedelta(minutes=-6), "hours fast": timedelta(hours=-6), "hours slow": timedelta(hours=6)}


def outgoing(id: str, entity: Entity) -> Outgoing:
    return Outgoing(body=b"x", message_id=id, session_id="w1" if entity == INDICATORS else None)


async def consumed(bus: ServiceBus, entity: Entity, count: int, outcome: Outcome | None = None) -> list[Received]:
    """Consume until that many were handled, and what was handled is settled; they are completed by default."""
    seen: list[Received] = []
    stop, clock = asyncio.Event(), SystemClock()

    async def handler(messages: Sequence[Received]) -> Sequence[Outcome]:
        seen.extend(messages)
        if len(seen) >= count:
            stop.set()
        return [outcome or Complete() for _ in messages]

    settler = Settler(bus.sender(entity), entity.to, clock, random.Random(1))
    consumer: QueueConsumer | SessionConsumer
    if entity == INDICATORS:
        consumer = SessionConsumer(bus, entity, handler, settler, clock, slots=2, session_wait=1, idle=0.1)
    else:
        consumer = QueueConsumer(bus, entity, handler, settler, clock, wait=0.2)
    await in_time(consumer.run(stop))
    return seen


@pytest.mark.parametrize("broker_ahead", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("entity", [FETCH_JOBS, RAW_PAGES, INDICATORS], ids=str)
async def test_messages_are_handled_once_and_settled_however_wrong_this_machine_s_clock_is(
    tmp_path: Path, entity: Entity, broker_ahead: timedelta
) -> None:
    broker = BrokerClock(broker_ahead)
    async with running_namespace(tmp_path, broker) as namespace, connected(namespace) as bus:
        await bus.sender(entity).send([outgoing(f"m{n}", entity) for n in range(3)])
        seen = await consumed(bus, entity, 3)
        assert [message.message_id for message in seen] == ["m0", "m1", "m2"]
        found = await counts(namespace, str(entity))
        assert (found["active"], found["locked"], found["dead_letter"]) == (0, 0, 0)


@pytest.mark.parametrize("broker_ahead", [timedelta(hours=-6), timedelta(hours=6), timedelta()], ids=str)
@pytest.mark.parametrize("entity", [FETCH_JOBS, RAW_PAGES, INDICATORS], ids=str)
async def test_what_waits_comes_back_by_the_bus_s_clock(
    tmp_path: Path, entity: Entity, broker_ahead: timedelta
) -> None:
    broker = BrokerClock(broker_ahead)
    async with running_namespace(tmp_path, broker) as namespace, connected(namespace) as bus:
        await bus.sender(entity).send([outgoing("m1", entity)])
        await consumed(bus, entity, 1, Park(timedelta(minutes=10), "a pause"))
        found = await counts(namespace, entity.name)
        assert (found["active"], found["scheduled"]) == (0, 1), "it does not come back at once"
        broker.ahead += timedelta(minutes=16)
        (again,) = await consumed(bus, entity, 1)
        assert again.properties["mti_parks"] == 1


@pytest.mark.parametrize("broker_ahead", WRONG.values(), ids=WRONG)
async def test_the_locks_of_messages_are_renewed_while_they_are_handled(
    tmp_path: Path, broker_ahead: timedelta
) -> None:
    broker = BrokerClock(broker_ahead)
    clock = QuickClock(broker)
    async with (
        running_namespace(tmp_path, broker, fetch_jobs={"LockDuration": "PT1M"}) as namespace,
        connected(namespace) as bus,
    ):
        await bus.sender(FETCH_JOBS).send([outgoing("m1", FETCH_JOBS)])
        receiver = bus.receiver(FETCH_JOBS)
        await open_link(receiver, "fetch-jobs")
        (message,) = await receive(receiver, "fetch-jobs", 1, 20)
        before = broker()
        async with kept(receiver, "fetch-jobs", [message], clock):
            async with asyncio.timeout(PATIENCE):
                while clock.monotonic() < 5 * LOCK_SECONDS:
                    await asyncio.sleep(0.01)
        assert broker() - before > 4 * LOCK_SECONDS * 1000
        await ReceiverSettlement(receiver, "fetch-jobs", [message]).complete(from_sdk(message))
        await close_link(receiver)
        assert (await counts(namespace, "fetch-jobs"))["active"] == 0


async def test_a_message_that_was_settled_already_is_lost_and_no_bug(tmp_path: Path) -> None:
    async with running_namespace(tmp_path) as namespace, connected(namespace) as bus:
        await bus.sender(FETCH_JOBS).send([outgoing("m1", FETCH_JOBS)])
        receiver = bus.receiver(FETCH_JOBS)
        await open_link(receiver, "fetch-jobs")
        (message,) = await receive(receiver, "fetch-jobs", 1, 20)
        settlement = ReceiverSettlement(receiver, "fetch-jobs", [message])
        await settlement.complete(from_sdk(message))
        for again in (settlement.complete, settlement.abandon):
            with pytest.raises(LockLost, match="m1"):
                await again(from_sdk(message))
        with pytest.raises(LockLost, match="m1"):
            await settlement.dead_letter(from_sdk(message), "Reason", "why")
        await close_link(receiver)


async def test_what_is_released_comes_again_at_once_and_does_not_count_as_a_failed_delivery(tmp_path: Path) -> None:
    properties = {"MaxDeliveryCount": 2}
    async with running_namespace(tmp_path, fetch_jobs=properties) as namespace, connected(namespace) as bus:
        await bus.sender(FETCH_JOBS).send([outgoing(f"m{n}", FETCH_JOBS) for n in range(2)])
        for _ in range(4):  # more often than the queue delivers a message that counts
            receiver = bus.receiver(FETCH_JOBS)
            await open_link(receiver, "fetch-jobs")
            messages = await receive(receiver, "fetch-jobs", 2, 20)
            assert {message.delivery_count for message in messages} == {0}
            await ReceiverSettlement(receiver, "fetch-jobs", messages).release()
            await close_link(receiver)
        found = await counts(namespace, "fetch-jobs")
        assert (found["active"], found["dead_letter"]) == (2, 0)
