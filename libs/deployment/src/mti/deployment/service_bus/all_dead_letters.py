"""All dead letters of an entity: those in its dead-letter queue, and those that its host could only set aside."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver

from mti.common.adapters.servicebus import ServiceBus
from mti.common.contracts.set_aside import FIRST
from mti.common.errors import ConfigurationError
from mti.common.ports.bus import Sender
from mti.common.ports.clock import Clock
from mti.common.topology import Entity, Topology
from mti.deployment.service_bus.dead_letter_queue import (
    PATIENCE,
    WAIT,
    ServiceBusDeadLetterQueue,
    connected_queues,
)
from mti.deployment.service_bus.peeks import set_aside_letter_from
from mti.operations.bus import DeadLetter
from mti.operations.dead_letters import DeadLetterQueue


class SetAsideQueue(ServiceBusDeadLetterQueue):
    """What was set aside of one entity. Numbers are those of the queue `set-aside`.

    Args: see `ServiceBusDeadLetterQueue`.
        aside: the queue.
    """

    def __init__(
        self, bus: ServiceBus, entity: Entity, aside: Entity, clock: Clock, *, wait: float, patience: float
    ) -> None:
        super().__init__(bus, entity, clock, wait=wait, patience=patience)
        self._aside = aside

    async def _peek(self, start: int, count: int) -> list[ServiceBusReceivedMessage]:
        try:
            return await super()._peek(start, count)
        except ConfigurationError:
            return []  # a namespace of an earlier release has no such queue, and nothing is in it

    def _letter(self, message: ServiceBusReceivedMessage) -> DeadLetter | None:
        letter = set_aside_letter_from(message)
        return letter if letter.entity == self._entity.path else None

    def _link(self) -> ServiceBusReceiver:
        return self._bus.receiver(self._aside)


class AllDeadLetters:
    """The dead letters of one entity, whichever way they went; see `mti.operations.dead_letters.DeadLetterQueue`.

    Those that were set aside come last, and are numbered from `FIRST` on.

    Args:
        dead: what is in the dead-letter queue.
        aside: what was set aside.
    """

    def __init__(self, dead: DeadLetterQueue, aside: DeadLetterQueue) -> None:
        self._dead = dead
        self._aside = aside

    @property
    def entity(self) -> Entity:
        """See `mti.operations.dead_letters.DeadLetterQueue`."""
        return self._dead.entity

    @property
    def sender(self) -> Sender:
        """See `mti.operations.dead_letters.DeadLetterQueue`."""
        return self._dead.sender

    async def letters(self, *, after: int = 0) -> AsyncIterator[DeadLetter]:
        """See `mti.operations.dead_letters.DeadLetterQueue`."""
        if after < FIRST:
            async for letter in self._dead.letters(after=after):
                yield letter
        async for letter in self._aside.letters(after=max(after - FIRST, 0)):
            yield letter

    async def read(self, sequences: Collection[int]) -> list[DeadLetter]:
        """See `mti.operations.dead_letters.DeadLetterQueue`."""
        dead, aside = _parted(sequences)
        return [*await self._dead.read(dead), *await self._aside.read(aside)]

    async def complete(self, sequences: Collection[int]) -> set[int]:
        """See `mti.operations.dead_letters.DeadLetterQueue`."""
        dead, aside = _parted(sequences)
        left = await self._dead.complete(dead)
        return left | {FIRST + number for number in await self._aside.complete(aside)}


def _parted(sequences: Collection[int]) -> tuple[list[int], list[int]]:
    """Return the numbers in the dead-letter queue and those in `set-aside`."""
    return (
        [number for number in sequences if number < FIRST],
        [number - FIRST for number in sequences if number >= FIRST],
    )


@asynccontextmanager
async def connected_dead_letters(
    bus: ServiceBus, topology: Topology, clock: Clock, entities: Iterable[Entity] | None = None
) -> AsyncIterator[Sequence[DeadLetterQueue]]:
    """Connect to the dead letters of entities and close them at the end.

    Args:
        bus: the namespace.
        topology: its entities.
        clock: the time.
        entities: whose dead letters; of all of them, in the order of the flow, where it is not said.
    """
    chosen = topology.entities if entities is None else tuple(entities)
    aside = [SetAsideQueue(bus, entity, topology.set_aside, clock, wait=WAIT, patience=PATIENCE) for entity in chosen]
    async with connected_queues(bus, chosen, clock) as dead:
        try:
            yield [AllDeadLetters(*both) for both in zip(dead, aside, strict=True)]
        finally:
            await asyncio.gather(*(queue.close() for queue in aside))
