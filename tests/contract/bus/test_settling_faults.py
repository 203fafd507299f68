"""What goes wrong while a batch is settled costs that batch, and never the process or its neighbours."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from mti.common.adapters.servicebus import ServiceBus
from mti.common.errors import ConfigurationError
from mti.common.hosting import QueueConsumer, SessionConsumer, Settler
from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.clock import SystemClock
from mti.common.ports.settlement import Complete, Outcome, Park, Resend, Settlement
from mti.common.topology import Entity
from servicebus_local import Namespace
from tests.support.bus import FETCH_JOBS, INDICATORS, connected, left_in, running_namespace, stats
from tests.support.waiting import PATIENCE

BOTH = pytest.mark.parametrize("entity", [FETCH_JOBS, INDICATORS], ids=str)


class Tripping(Settler):
    """A settler that fails as nobody foresaw, once for each message that is named."""

    def __init__(self, bus: ServiceBus, entity: Entity, *names: str) -> None:
        super().__init__(bus.sender(entity), entity.to, SystemClock(), random.Random(1))
        self.names = set(names)

    async def settle(self, settlement: Settlement, messages: Sequence[Received], outcomes: Sequence[Outcome]) -> None:
        tripped = {message.message_id for message in messages} & self.names
        if tripped:
            self.names -= tripped
            raise OverflowError("date value out of range")
        await super().settle(settlement, messages, outcomes)


@dataclass
class Handler:
    answer: Callable[[Received], Outcome] = lambda _: Complete()
    done: list[str] = field(default_factory=list)

    async def __call__(self, messages: Sequence[Received]) -> Sequence[Outcome]:
        self.done += [message.message_id for message in messages]
        return [self.answer(message) for message in messages]


@pytest.fixture
async def namespace(tmp_path: Path) -> AsyncIterator[Namespace]:
    async with running_namespace(tmp_path) as found:
        yield found


@pytest.fixture
async def bus(namespace: Namespace) -> AsyncIterator[ServiceBus]:
    async with connected(namespace) as found:
        yield found


async def consume(
    bus: ServiceBus, entity: Entity, handler: Handler, settler: Settler, condition: Callable[[], Awaitable[bool]]
) -> None:
    """Run a consumer until the condition holds; it must not have ended by itself."""
    stop = asyncio.Event()
    consumer: QueueConsumer | SessionConsumer = QueueConsumer(bus, entity, handler, settler, SystemClock(), wait=0.2)
    if entity == INDICATORS:
        consumer = SessionConsumer(
            bus, entity, handler, settler, SystemClock(), slots=2, session_wait=1, idle=0.1, batch_size=1
        )
    task = asyncio.create_task(consumer.run(stop))
    try:
        async with asyncio.timeout(PATIENCE):
            while not await condition():
                assert not task.done()
                await asyncio.sleep(0.05)
    finally:
        stop.set()
        await task


def letters(entity: Entity, *names: str) -> list[Outgoing]:
    session = "w1" if entity == INDICATORS else None
    return [Outgoing(body=name.encode(), message_id=name, session_id=session) for name in names]


def nothing_left(namespace: Namespace, entity: Entity) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        return not await left_in(namespace, entity)

    return condition


@BOTH
async def test_an_unforeseen_fault_while_settling_does_not_end_the_consumer(
    namespace: Namespace, bus: ServiceBus, entity: Entity
) -> None:
    await bus.sender(entity).send(letters(entity, "m1", "m2", "m3"))
    handler = Handler()
    await consume(bus, entity, handler, Tripping(bus, entity, "m2"), nothing_left(namespace, entity))
    assert set(handler.done) == {"m1", "m2", "m3"}
    assert (await stats(namespace))[str(entity)]["dead_letter"] == 0


@BOTH
@pytest.mark.parametrize(
    "outcome", [Park(timedelta.max, "x"), Park(timedelta.min, "x"), Resend(timedelta.max, "X", "x")]
)
async def test_a_delay_that_no_calendar_has_is_bounded_and_loses_nothing(
    namespace: Namespace, bus: ServiceBus, entity: Entity, outcome: Outcome
) -> None:
    await bus.sender(entity).send(letters(entity, "m1"))
    handler = Handler(lambda message: Complete() if "~" in message.message_id else outcome)
    settler = Settler(bus.sender(entity), entity.to, SystemClock(), random.Random(1))

    async def settled() -> bool:
        found = await stats(namespace)
        scheduled = found[entity.name]["scheduled"] or found[str(entity)]["scheduled"]
        return bool(handler.done) and (scheduled == 1 or len(handler.done) == 2) and not found[str(entity)]["locked"]

    await consume(bus, entity, handler, settler, settled)
    assert (await stats(namespace))[str(entity)]["dead_letter"] == 0


@BOTH
@pytest.mark.parametrize("error", [ConfigurationError("no container"), OSError(28, "No space left"), MemoryError()])
async def test_what_the_machine_refuses_makes_messages_wait_and_no_dead_letter(
    namespace: Namespace, bus: ServiceBus, entity: Entity, error: Exception
) -> None:
    await bus.sender(entity).send(letters(entity, "m1"))

    def refuse(_: Received) -> Outcome:
        raise error

    settler = Settler(bus.sender(entity), entity.to, SystemClock(), random.Random(1))

    async def parked() -> bool:
        found = await stats(namespace)
        return bool(found[entity.name]["scheduled"] or found[str(entity)]["scheduled"])

    await consume(bus, entity, Handler(refuse), settler, parked)
    assert (await stats(namespace))[str(entity)]["dead_letter"] == 0
