"""The dead-letter sub-queue of a queue or subscription, by the SDK.

What is looked for is found by peeking, which locks nothing and sees what others have locked. A lock is taken only to
remove a message, when its copy is confirmed already; so no lock has to outlive a slow replay.

The service hands messages out in its own order and not by number. Those that come and are not meant are held back until
the end, since one that is given back at once would be the next to come, round and round. A session-enabled
subscription's sub-queue has no sessions
(https://learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues).
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import (
    MessageAlreadySettled,
    MessageLockLostError,
    ServiceBusError,
)

from mti.common.adapters.servicebus import ServiceBus, ServiceBusSenderPort
from mti.common.adapters.servicebus.links import (
    PEEK_SECONDS,
    SETTLE_SECONDS,
    answered,
    close_link,
    open_link,
)
from mti.common.adapters.servicebus.received import from_sdk, receive
from mti.common.errors import BusUnavailable, ConfigurationError
from mti.common.ports.clock import Clock
from mti.common.topology import Entity
from mti.deployment.service_bus.peeks import dead_letter_from, is_missing
from mti.operations.bus import DeadLetter

PAGE = 100
"""Messages a peek or a round of receiving: at most 25 MB at 256 KB each."""
HELD_BYTES = 64 * 1024 * 1024
"""Bodies of messages that are held back. Beyond it the oldest are let go of, and their locks run out by themselves."""
WAIT = 3.0
"""Seconds to wait for a message to come, before asking whether there is one."""
PATIENCE = 330.0
"""Seconds to wait for messages that somebody else has locked: a lock lasts five minutes at most
(https://learn.microsoft.com/azure/service-bus-messaging/message-transfers-locks-settlement)."""
_BETWEEN = 1.0


class ServiceBusDeadLetterQueue:
    """The dead letters of one entity. It connects when it is first used; close it at the end.

    Args:
        bus: the namespace.
        entity: whose dead letters.
        clock: the time.
        wait: see `WAIT`.
        patience: see `PATIENCE`.
    """

    def __init__(
        self, bus: ServiceBus, entity: Entity, clock: Clock, *, wait: float = WAIT, patience: float = PATIENCE
    ) -> None:
        self._bus = bus
        self._entity = entity
        self._clock = clock
        self._wait = wait
        self._patience = patience
        self._receiver: ServiceBusReceiver | None = None
        self._held = _Held()

    @property
    def entity(self) -> Entity:
        """See `mti.operations.dead_letters.DeadLetterQueue`."""
        return self._entity

    @property
    def sender(self) -> ServiceBusSenderPort:
        """See `mti.operations.dead_letters.DeadLetterQueue`."""
        return self._bus.sender(self._entity)

    async def connect(self) -> None:
        """Connect now, which the first use does otherwise.

        Raises:
            BusUnavailable: the broker does not answer.
        """
        await self._open()

    async def close(self) -> None:
        """Give back what was held, and let go."""
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            try:
                given = (_give_back(receiver, self._entity.path, message) for message in self._held.take_all())
                await asyncio.gather(*given)
            finally:
                await close_link(receiver)

    async def letters(self, *, after: int = 0) -> AsyncIterator[DeadLetter]:
        """See `mti.operations.dead_letters.DeadLetterQueue`."""
        while page := await self._peek(after + 1, PAGE):
            for message in page:
                after = max(after, message.sequence_number or 0)
                if (letter := self._letter(message)) is not None:
                    yield letter

    async def read(self, sequences: Collection[int]) -> list[DeadLetter]:
        """See `mti.operations.dead_letters.DeadLetterQueue`."""
        letters = [self._letter(message) for message in await self._find(sequences)]
        return [letter for letter in letters if letter is not None]

    async def complete(self, sequences: Collection[int]) -> set[int]:
        """See `mti.operations.dead_letters.DeadLetterQueue`."""
        wanted = set(sequences)
        await self._settle(self._held.take(wanted), wanted)
        give_up = self._clock.monotonic() + self._patience
        while wanted:
            batch = await self._receive(min(PAGE, len(wanted)))
            mine = [message for message in batch if message.sequence_number in wanted]
            fresh = self._held.hold([message for message in batch if message.sequence_number not in wanted])
            await self._settle(mine, wanted)
            if mine or fresh:
                give_up = self._clock.monotonic() + self._patience
                continue
            if not batch:
                wanted &= {message.sequence_number or 0 for message in await self._find(wanted)}
            if not wanted or self._clock.monotonic() >= give_up:
                return wanted
            await self._clock.sleep(_BETWEEN)
        return wanted

    async def _settle(self, messages: Sequence[ServiceBusReceivedMessage], wanted: set[int]) -> None:
        """Complete the messages and take those that are gone from `wanted`."""
        if not messages:
            return
        receiver = await self._open()
        with self._translated():
            done = await asyncio.gather(*(_complete(receiver, self._entity.path, message) for message in messages))
        wanted.difference_update(
            message.sequence_number or 0 for message, gone in zip(messages, done, strict=True) if gone
        )

    async def _receive(self, count: int) -> Sequence[ServiceBusReceivedMessage]:
        receiver = await self._open()
        with self._translated():
            return await receive(receiver, self._entity.path, count, self._wait)

    async def _find(self, sequences: Collection[int]) -> list[ServiceBusReceivedMessage]:
        """Return those of the sequence numbers that are there, in order."""
        missing = sorted(sequences, reverse=True)
        found: list[ServiceBusReceivedMessage] = []
        while missing:
            page = await self._peek(missing[-1], min(PAGE, len(missing)))
            if not page:
                break
            wanted = set(missing)
            found += [message for message in page if message.sequence_number in wanted]
            while missing and missing[-1] <= (page[-1].sequence_number or 0):
                missing.pop()
        return found

    async def _peek(self, start: int, count: int) -> list[ServiceBusReceivedMessage]:
        receiver = await self._open()
        with self._translated():
            call = receiver.peek_messages(max_message_count=count, sequence_number=start)
            page = await answered(receiver, self._entity.path, "a peek", call, PEEK_SECONDS)
        return [message for message in page if (message.sequence_number or 0) >= start]

    def _letter(self, message: ServiceBusReceivedMessage) -> DeadLetter | None:
        """Return what a message here stands for; `None` for what is none of this entity's."""
        return dead_letter_from(self._entity.path, message)

    def _link(self) -> ServiceBusReceiver:
        """Return a receiver that is not open yet."""
        return self._bus.receiver(self._entity, dead_letters=True)

    async def _open(self) -> ServiceBusReceiver:
        if self._receiver is None:
            receiver = self._link()
            with self._translated():
                try:
                    await open_link(receiver, self._entity.path)
                except BaseException:
                    await close_link(receiver)
                    raise
            self._receiver = receiver
        return self._receiver

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (ServiceBusError, OSError) as error:
            if is_missing(error):
                raise ConfigurationError(
                    f"the namespace has no {self._entity.path!r}: set the names of the queues, topics and"
                    " subscriptions (MTI_FETCH_JOBS_QUEUE and the like) as they were deployed"
                ) from error
            raise BusUnavailable(
                f"the dead letters of {self._entity.path!r} can't be reached: {error}; check the namespace, the way to "
                "it, and that you may receive there (role Azure Service Bus Data Receiver)"
            ) from error


@asynccontextmanager
async def connected_queues(
    bus: ServiceBus, entities: Iterable[Entity], clock: Clock, *, wait: float = WAIT, patience: float = PATIENCE
) -> AsyncIterator[Sequence[ServiceBusDeadLetterQueue]]:
    """Connect to the dead letters of all entities and close them at the end, all at once: each takes the SDK a while.

    Args:
        bus: the namespace.
        entities: whose dead letters.
        clock: the time.
        wait: see `WAIT`.
        patience: see `PATIENCE`.
    """
    queues = [ServiceBusDeadLetterQueue(bus, entity, clock, wait=wait, patience=patience) for entity in entities]
    try:
        # Whoever uses one that can't be reached is told then; others may not need it.
        await asyncio.gather(*(queue.connect() for queue in queues), return_exceptions=True)
        yield queues
    finally:
        await asyncio.gather(*(queue.close() for queue in queues))


class _Held:
    """Messages that came and were not meant, oldest first; their bodies bounded, their numbers remembered."""

    def __init__(self) -> None:
        self._messages: OrderedDict[int, tuple[ServiceBusReceivedMessage, int]] = OrderedDict()
        self._seen: set[int] = set()
        self._bytes = 0

    def hold(self, messages: Sequence[ServiceBusReceivedMessage]) -> bool:
        """Hold messages; say whether any of them was never seen before."""
        fresh = False
        for message in messages:
            sequence = message.sequence_number or 0
            fresh = fresh or sequence not in self._seen
            self._seen.add(sequence)
            self._drop(sequence)
            size = len(from_sdk(message).body)
            self._messages[sequence] = (message, size)
            self._bytes += size
        while self._bytes > HELD_BYTES and self._messages:
            self._drop(next(iter(self._messages)))
        return fresh

    def take(self, sequences: Collection[int]) -> list[ServiceBusReceivedMessage]:
        """Hand over those that are held of these."""
        messages = [self._messages[sequence][0] for sequence in sequences if sequence in self._messages]
        for sequence in sequences:
            self._drop(sequence)
        return messages

    def take_all(self) -> list[ServiceBusReceivedMessage]:
        """Hand over all."""
        return self.take(list(self._messages))

    def _drop(self, sequence: int) -> None:
        _, size = self._messages.pop(sequence, (None, 0))
        self._bytes -= size


async def _complete(receiver: ServiceBusReceiver, path: str, message: ServiceBusReceivedMessage) -> bool:
    """Complete a message and say whether it is gone; not so when its lock ran out, and it will come again."""
    try:
        await answered(receiver, path, "a settlement", receiver.complete_message(message), SETTLE_SECONDS)
    except (MessageLockLostError, MessageAlreadySettled):
        return False
    return True


async def _give_back(receiver: ServiceBusReceiver, path: str, message: ServiceBusReceivedMessage) -> None:
    try:
        await answered(receiver, path, "a release", receiver.abandon_message(message), SETTLE_SECONDS)
    except (ServiceBusError, BusUnavailable, MessageAlreadySettled):
        return  # its lock runs out by itself
