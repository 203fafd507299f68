"""Breaking the pipeline on purpose, so that a person can see that a loss or a double would be noticed."""

from datetime import timedelta
from enum import StrEnum
from uuid import uuid4

from azure.servicebus.exceptions import ServiceBusError

from mti.common.adapters.servicebus import ServiceBus
from mti.common.contracts import Indicator, IndicatorBatch, indicators_message
from mti.common.errors import MtiError
from mti.common.ports.clock import SystemClock
from mti.common.topology import STANDARD
from mti.stack.stack import EmbeddedStack

PATIENCE = 30.0


class Sabotage(StrEnum):
    """How to break it."""

    LOSE = "lose"
    """Take a chunk of a page off the bus."""
    DOUBLE = "double"
    """Send an observable under a second id."""


async def sabotage(stack: EmbeddedStack, how: Sabotage) -> None:
    """Break a running stack.

    Raises:
        MtiError: there was nothing to break.
    """
    bus = ServiceBus.from_connection_string(stack.bus.connection_string)
    try:
        await (_lose(bus) if how is Sabotage.LOSE else _double(bus, stack))
    finally:
        await bus.close()


async def _lose(bus: ServiceBus) -> None:
    try:
        async with bus.receiver(STANDARD.pages) as receiver:
            messages = await receiver.receive_messages(max_message_count=1, max_wait_time=PATIENCE)
            for message in messages:
                await receiver.complete_message(message)
    except ServiceBusError as error:
        raise MtiError(f"nothing could be taken off the bus: {error}") from error
    if not messages:
        raise MtiError("no chunk came by that could be taken off the bus")


async def _double(bus: ServiceBus, stack: EmbeddedStack) -> None:
    now = SystemClock().now()
    route = stack.options.registry.current.routes[0]
    batches = [
        IndicatorBatch(
            source=route.source,
            objects=[
                Indicator(
                    id=f"indicator--{uuid4()}",
                    created=now,
                    modified=now,
                    name="sent to break the demonstration",
                    pattern=f"[file:hashes.'SHA-256' = '{'ab' * 32}']",
                    valid_from=now,
                    valid_until=now + timedelta(days=30),
                    confidence=1,
                )
            ],
        )
        for _ in range(2)
    ]
    sender = bus.sender(STANDARD.indicators)
    await sender.send([indicators_message(route.destination, batch) for batch in batches])
