"""Auto-forwarding: a message for a queue that forwards goes on at once, within the same transaction.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-auto-forwarding
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from servicebus_local.amqp import codec
from servicebus_local.broker.message_store import Arrival, MessageStore
from servicebus_local.errors import ServiceError
from servicebus_local.messages.changes import with_annotation
from servicebus_local.messages.incoming import IncomingMessage
from servicebus_local.record import DeadLetter, State

MAX_HOPS = 4
_TOO_MANY_HOPS = ("MaxTransferHopCountExceeded", "The message was forwarded more than four times.")
_ORIGIN = "x-opt-enqueue-sequence-number"


class Target(Protocol):
    """What messages are forwarded to."""

    def check(self, messages: Sequence[IncomingMessage]) -> None:
        """Raises `ServiceError` when one of the messages cannot be taken in."""

    def forwarded(self, message: IncomingMessage, now: int, hops: int, dead_letter: DeadLetter | None) -> list[Arrival]:
        """Write a message that another queue forwards; `check` was called."""


class Forwarding:
    """Finds where messages end up."""

    def __init__(self, find: Callable[[str], Target]) -> None:
        self._find = find
        """The open destination of a path or URI; raises `ServiceError`."""

    def deliver(
        self,
        queue: MessageStore,
        message: IncomingMessage,
        now: int,
        ttl: int | None,
        dead_letter: DeadLetter | None = None,
        hops: int = 0,
    ) -> list[Arrival]:
        """Write a message to a queue, or to where that forwards to."""
        if queue.settings.forward_to is None:
            return [queue.write(message, State.ACTIVE, now, ttl, dead_letter)]
        return self.send(queue, queue.settings.forward_to, message, now, dead_letter, hops)

    def send(
        self,
        queue: MessageStore,
        target: str,
        message: IncomingMessage,
        now: int,
        dead_letter: DeadLetter | None,
        hops: int = 0,
    ) -> list[Arrival]:
        """Write a message to the target, or to one of the queue's dead-letter queues when that cannot be."""
        if hops >= MAX_HOPS:
            dead_letters = queue.dead_letters or queue
            return [dead_letters.write(message, State.ACTIVE, now, None, DeadLetter(*_TOO_MANY_HOPS, queue.path))]
        try:
            destination = self._find(target)
            destination.check([message])
        except ServiceError as error:
            failed = queue.transfers or queue
            dead_letter = DeadLetter(type(error).__name__, f"Forwarding to '{target}' failed: {error}", queue.path)
            return [failed.write(message, State.ACTIVE, now, None, dead_letter)]
        origin = with_annotation(message, _ORIGIN, codec.long(queue.sequence.take())) if hops == 0 else message
        return destination.forwarded(origin, now, hops + 1, dead_letter)
