"""What an address names, and who is attached to it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from servicebus_local.broker.destination import Destination
from servicebus_local.broker.queue import MessageQueue
from servicebus_local.entities import Status
from servicebus_local.errors import EntityDisabled, NotAllowed, ServiceError


class Attached(Protocol):
    """A link."""

    def evicted(self, error: ServiceError) -> None:
        """Close it, with a reason."""


@dataclass(eq=False)
class Entity:
    """A queue, topic or subscription, or one of the two dead-letter queues that belong to it."""

    path: str
    queue: MessageQueue | None = None
    """What can be received from."""
    destination: Destination | None = None
    """What can be sent to."""
    receive_disabled: bool = False
    senders: set[Attached] = field(default_factory=set)
    receivers: set[Attached] = field(default_factory=set)

    def open_destination(self) -> Destination:
        """What can be sent to now. Raises `NotAllowed` or `EntityDisabled`."""
        destination = self.sendable()
        destination.check_open()
        return destination

    def open_queue(self) -> MessageQueue:
        """What can be received from now. Raises `NotAllowed` or `EntityDisabled`."""
        queue = self.receivable()
        if self.receive_disabled:
            raise EntityDisabled(self.path)
        return queue

    def sendable(self) -> Destination:
        """What can be sent to, whatever its status. Raises `NotAllowed`."""
        if self.destination is None:
            raise NotAllowed(f"Messages cannot be sent to '{self.path}'.")
        return self.destination

    def receivable(self) -> MessageQueue:
        """What can be received from, whatever its status. Raises `NotAllowed`."""
        if self.queue is None:
            raise NotAllowed(f"'{self.path}' is a topic: receive from its subscriptions.")
        return self.queue

    def set_status(self, status: Status) -> None:
        """Open or shut it; who is attached to what is shut is sent away."""
        self.receive_disabled = status in ("Disabled", "ReceiveDisabled")
        if self.receive_disabled:
            evict(self.receivers, EntityDisabled(self.path))
        if status in ("Disabled", "SendDisabled"):
            evict(self.senders, EntityDisabled(self.path))

    def evict_all(self, error: ServiceError) -> None:
        """Send everybody away."""
        evict(self.receivers, error)
        evict(self.senders, error)


def evict(attached: Iterable[Attached], error: ServiceError) -> None:
    """Close links with a reason."""
    for link in list(attached):
        link.evicted(error)
