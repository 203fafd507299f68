"""Queues, topics and subscriptions: their descriptions, and the live parts that follow from them."""

from dataclasses import dataclass, field

from mti.local.namespace.broker.destination import Destination
from mti.local.namespace.broker.entity import Entity
from mti.local.namespace.broker.queue import MessageQueue
from mti.local.namespace.broker.subscription import Subscription
from mti.local.namespace.broker.tally import Counts
from mti.local.namespace.entities import QueueConfig, SubscriptionConfig, TopicConfig


@dataclass(eq=False, kw_only=True)
class Node:
    """What all three have; times are milliseconds since the Unix epoch."""

    entity: Entity
    parts: list[Entity]
    """It and its dead-letter queues."""
    created_at: int
    updated_at: int

    @property
    def path(self) -> str:
        """The entity's path."""
        return self.entity.path


def _size(queue: MessageQueue) -> int:
    places = (queue, queue.dead_letters, queue.transfers)
    return sum(place.tally.size for place in places if place is not None)


def _counts(queue: MessageQueue) -> Counts:
    return queue.tally.counts(len(queue.dead_letters.tally) if queue.dead_letters else 0)


@dataclass(eq=False, kw_only=True)
class QueueNode(Node):
    """A queue."""

    config: QueueConfig
    queue: MessageQueue
    destination: Destination

    @property
    def size(self) -> int:
        """Bytes of all its messages."""
        return _size(self.queue)

    @property
    def accessed_at(self) -> int:
        """When somebody last sent or received."""
        return self.queue.accessed_at

    @property
    def counts(self) -> Counts:
        """Its messages at this instant."""
        return _counts(self.queue)

    @property
    def queues(self) -> list[MessageQueue]:
        """All places where its messages are."""
        return [each.queue for each in self.parts if each.queue is not None]


@dataclass(eq=False, kw_only=True)
class SubscriptionNode(Node):
    """A subscription."""

    config: SubscriptionConfig
    queue: MessageQueue
    subscription: Subscription

    @property
    def size(self) -> int:
        """Bytes of all its messages."""
        return _size(self.queue)

    @property
    def accessed_at(self) -> int:
        """When somebody last received."""
        return self.queue.accessed_at

    @property
    def counts(self) -> Counts:
        """Its messages at this instant."""
        return _counts(self.queue)

    @property
    def queues(self) -> list[MessageQueue]:
        """All places where its messages are."""
        return [each.queue for each in self.parts if each.queue is not None]


@dataclass(eq=False, kw_only=True)
class TopicNode(Node):
    """A topic."""

    config: TopicConfig
    holding: MessageQueue
    destination: Destination
    subscriptions: dict[str, SubscriptionNode] = field(default_factory=dict)
    """By their names in lower case."""

    @property
    def size(self) -> int:
        """Bytes of all its messages, those of its subscriptions included."""
        return self.holding.tally.size + sum(each.size for each in self.subscriptions.values())

    @property
    def accessed_at(self) -> int:
        """When somebody last sent."""
        return self.holding.accessed_at

    @property
    def counts(self) -> Counts:
        """The messages that it holds back at this instant."""
        return _counts(self.holding)

    @property
    def queues(self) -> list[MessageQueue]:
        """The place where scheduled messages wait."""
        return [self.holding]
