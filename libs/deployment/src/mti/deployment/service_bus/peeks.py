"""Peeks into Azure Service Bus by the SDK: by peeking, and by the counts of its administration.

Three things that the local namespace shows are hidden there. Scheduled messages of a *topic* can't be peeked at all;
the administration counts them. A subscription with sessions is peeked session by session, each of which has to be free
for the moment; one that the publisher has in hand is left alone. And sessions are asked for by name, so what waits for
a destination that is not in the tenants file any more is not seen.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Self

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.aio.management import ServiceBusAdministrationClient
from azure.servicebus.amqp import AmqpMessageBodyType
from azure.servicebus.exceptions import (
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    ServiceBusAuthenticationError,
    ServiceBusError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from mti.common.adapters.servicebus import ServiceBus
from mti.common.adapters.servicebus.links import OPEN_SECONDS, PEEK_SECONDS, answered, close_link, open_link
from mti.common.adapters.servicebus.received import from_sdk
from mti.common.adapters.servicebus.session_lock import unjudged
from mti.common.contracts.set_aside import FIRST as FIRST_ASIDE
from mti.common.contracts.set_aside import dead_letter_in, entity_of
from mti.common.errors import BusUnavailable
from mti.common.ports.bus import Received
from mti.common.topology import Topology
from mti.operations.bus import DeadLetter, Unseen

PAGE = 100
SESSION_WAIT = 3.0
"""Seconds to wait for a session: one that is free comes in less, and the SDK would ask for one that is not for long."""


class Peeks:
    """Peeks; takes nothing and raises no delivery count.

    Args:
        bus: the namespace.
        names: its entities.
        destinations: whose sessions are looked into.
        administration: for the counts; `None` where the identity has no right to it. Not closed here.
    """

    def __init__(
        self,
        bus: ServiceBus,
        topology: Topology,
        destinations: Iterable[str],
        administration: ServiceBusAdministrationClient | None = None,
    ) -> None:
        self._bus = bus
        self._topology = topology
        self._destinations = sorted(destinations)
        self._administration = administration
        self._scheduled: dict[str, int | None] = {}
        self._taken: set[str] = set()

    def anew(self) -> Self:
        """Return the same view, which has seen nothing yet."""
        return type(self)(self._bus, self._topology, self._destinations, self._administration)

    async def live(self, entity: str) -> AsyncIterator[Received]:
        """See `mti.operations.bus.BusView`."""
        if entity in (self._topology.pages.name, self._topology.indicators.name):
            self._scheduled[entity] = await self.scheduled(entity)
        elif entity == self._topology.indicators.path:
            for destination in self._destinations:
                async for message in self.session(destination):
                    yield message
        else:
            async for raw in self._peek(self._bus.receiver(self._topology.at(entity)), entity):
                yield from_sdk(raw)

    async def dead(self, entity: str, *, after: int = 0) -> AsyncIterator[DeadLetter]:
        """See `mti.operations.bus.BusView`."""
        if after < FIRST_ASIDE:
            receiver = self._bus.receiver(self._topology.at(entity), dead_letters=True)
            async for message in self._peek(receiver, entity, after=after):
                yield dead_letter_from(entity, message)
        async for letter in self.aside(entity, after=max(after - FIRST_ASIDE, 0)):
            yield letter

    async def aside(self, entity: str, *, after: int = 0) -> AsyncIterator[DeadLetter]:
        """Yield the dead letters of an entity that were set aside; none where the namespace has no queue for them."""
        aside = self._topology.set_aside
        try:
            async for message in self._peek(self._bus.receiver(aside), aside.path, after=after):
                letter = set_aside_letter_from(message)
                if letter.entity == entity:
                    yield letter
        except BusUnavailable as error:
            if not isinstance(error.__cause__, Exception) or not is_missing(error.__cause__):
                raise

    def unseen(self) -> Unseen:
        """See `mti.operations.bus.BusView`."""
        return Unseen(scheduled=dict(self._scheduled), sessions=frozenset(self._taken), notes=list(self._notes()))

    async def session(self, destination: str) -> AsyncIterator[Received]:
        """Yield what is due for a destination; nothing but a note while the publisher has it in hand."""
        receiver = self._bus.receiver(self._topology.indicators, session=destination, connect_wait=SESSION_WAIT)
        try:
            async for message in self._peek(receiver, self._topology.indicators.path, within=SESSION_WAIT):
                yield from_sdk(message)
        except (SessionCannotBeLockedError, SessionLockLostError, OperationTimeoutError, TimeoutError):
            self._taken.add(destination)

    async def scheduled(self, topic: str) -> int | None:
        """Return how many messages of a topic wait for their time; `None` when nobody may say so."""
        if self._administration is None:
            return None
        try:
            return (await self._administration.get_topic_runtime_properties(topic)).scheduled_message_count
        except (AzureError, ValueError):
            return None

    def _notes(self) -> Iterator[str]:
        for topic, count in sorted(self._scheduled.items()):
            if count is None:
                yield (
                    f"the scheduled messages of topic {topic} can't be peeked, and not be counted without the right to "
                    "manage the namespace (role Azure Service Bus Data Owner)"
                )
            elif count:
                yield f"topic {topic} holds {count:,} scheduled messages, which can't be peeked"
        if self._taken:
            yield (
                f"the publisher had {len(self._taken)} destinations in hand, whose messages were not seen: "
                f"{', '.join(sorted(self._taken)[:10])}{' and more' if len(self._taken) > 10 else ''}"
            )

    async def _peek(
        self, receiver: ServiceBusReceiver, entity: str, *, within: float | None = None, after: int = 0
    ) -> AsyncIterator[ServiceBusReceivedMessage]:
        try:
            with _translated(entity):
                async with asyncio.timeout(within):
                    await open_link(receiver, entity, OPEN_SECONDS)
                if receiver.session is not None:
                    unjudged(receiver.session)
            while page := await _page(receiver, entity, after):
                for message in page:
                    after = max(after, message.sequence_number or 0)
                    yield message
        finally:
            await close_link(receiver)


async def _page(receiver: ServiceBusReceiver, entity: str, after: int) -> Sequence[ServiceBusReceivedMessage]:
    with _translated(entity):
        call = receiver.peek_messages(max_message_count=PAGE, sequence_number=after + 1)
        page = await answered(receiver, entity, "a peek", call, PEEK_SECONDS)
    return [message for message in page if (message.sequence_number or 0) > after]


@contextmanager
def _translated(entity: str) -> Iterator[None]:
    try:
        yield
    except (SessionCannotBeLockedError, SessionLockLostError, OperationTimeoutError, TimeoutError):
        raise
    except (ServiceBusError, OSError) as error:
        raise BusUnavailable(
            f"{entity} can't be looked into: {error}; check the namespace, the names of its entities, and the role "
            "Azure Service Bus Data Receiver"
        ) from error


def is_missing(error: Exception) -> bool:
    """Say whether the namespace has no such queue, topic or subscription.

    The service looks for a queue or topic when it is shown a token, and the SDK tells that as a failed login.
    """
    if isinstance(error, ServiceBusAuthenticationError):
        return getattr(error.inner_exception, "status_code", None) == HTTPStatus.NOT_FOUND
    return isinstance(error, MessagingEntityNotFoundError)


def set_aside_letter_from(message: ServiceBusReceivedMessage) -> DeadLetter:
    """Return what a message of the SDK out of `set-aside` stands for, of the entity that it names; of none, else."""
    letter = dead_letter_from("", message)
    return replace(letter, entity=entity_of(letter.message.properties) or "", message=dead_letter_in(letter.message))


def dead_letter_from(entity: str, message: ServiceBusReceivedMessage) -> DeadLetter:
    """Return a message of the SDK out of the dead letters of an entity, named by its path."""
    return DeadLetter(entity=entity, message=from_sdk(message), faithful=message.body_type is AmqpMessageBodyType.DATA)
