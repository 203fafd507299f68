"""A subscription: a queue behind rules."""

from dataclasses import dataclass

from mti.local.namespace.broker.queue import MessageQueue
from mti.local.namespace.broker.rules import Filter
from mti.local.namespace.messages.incoming import IncomingMessage


@dataclass(frozen=True)
class Subscription:
    """Takes the messages that pass one of its filters."""

    queue: MessageQueue
    filters: list[Filter]

    def takes(self, message: IncomingMessage) -> bool:
        """Whether the message passes a filter."""
        return any(each.matches(message) for each in self.filters)
