"""Queues, topics and subscriptions: their descriptions, and the live parts that follow from them."""

from dataclasses import dataclass, field

from servicebus_local.broker.destination import Destination
from servicebus_local.broker.entity import Entity
from servicebus_local.broker.queue import MessageQueue
from servicebus_local.broker.subscription import Subscription
from servicebus_local.broker.tally import Counts
from servicebus_local.entities import QueueConfig, SubscriptionConfig, TopicConfig


@dataclass(eq=False, kw_only=True)
class Node:
    """What all three have; times are milliseconds since the Unix epoch."""

    entity: Entity
    parts: list[Entity]
    """It and its dead-letter queues."""
    created_at: int
    updated_at: int
    used_at: int = 0
    """When it was last seen to be in use."""

    @property
    def path(self) -> str:
        """The entity's path."""
        return self.entity.path


def _counts(queue: MessageQueue) -> Counts:
    return queue.tally.counts(len(queue.dead_letters.tally) if queue.dead_letters else 0)


@dataclass(eq=False, kw_only=True)
class ReceivedNode(Node):
    """What can be received from: a queue or a subscription."""

    queue: MessageQueue

    @property
    def size(self) -> int:
        """Bytes of all its messages."""
        return sum(queue.tally.size for queue in self.queues)

    @property
    def accessed_at(self) -> int:
        """When somebody last received, or sent to a queue."""
        return self.queue.accessed_at

    @property
    def counts(self) -> Counts:
        """Its messages at this instant."""
        return _counts(self.queue)

    @property
    def queues(self) -> list[MessageQueue]:
        """It and its dead-letter queues."""
        return [each.queue for each in self.parts if each.queue is not None]


@dataclass(eq=False, kw_only=True)
class QueueNode(ReceivedNode):
    """A queue."""

    config: QueueConfig
    destination: Destination


@dataclass(eq=False, kw_only=True)
class SubscriptionNode(ReceivedNode):
    """A subscription."""

    config: SubscriptionConfig
    subscription: Subscription


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
        """The queue where scheduled messages wait."""
        return [self.holding]


AnyNode = QueueNode | TopicNode | SubscriptionNode


def is_in_use(node: AnyNode) -> bool:
    """Whether somebody is attached, or messages are forwarded or wait for their time; of a topic, anywhere below it.

    https://learn.microsoft.com/azure/service-bus-messaging/message-expiration#idleness
    """
    attached = any(part.receivers or part.senders for part in node.parts)
    forwards = not isinstance(node, TopicNode) and node.queue.settings.forward_to is not None
    return attached or forwards or node.counts["scheduled"] > 0 or any(is_in_use(each) for each in _below(node))


def last_use(node: AnyNode) -> int:
    """When somebody last sent, received, peeked or changed it, in milliseconds since the epoch."""
    own = (node.used_at, node.updated_at, *(queue.accessed_at for queue in node.queues))
    return max(*own, *(last_use(each) for each in _below(node)))


def _below(node: AnyNode) -> list[SubscriptionNode]:
    return list(node.subscriptions.values()) if isinstance(node, TopicNode) else []
