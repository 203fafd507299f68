"""Makes the live parts of entities from their descriptions, with the messages that the storage holds of them."""

from collections.abc import Callable
from dataclasses import replace

from servicebus_local.broker.destination import Destination, Routed
from servicebus_local.broker.entity import Entity
from servicebus_local.broker.forwarding import Forwarding
from servicebus_local.broker.message_store import QueueParts, Wake
from servicebus_local.broker.nodes import QueueNode, SubscriptionNode, TopicNode
from servicebus_local.broker.queue import MessageQueue
from servicebus_local.broker.rules import RuleSet
from servicebus_local.broker.session_queue import SessionQueue
from servicebus_local.broker.settings import DestinationSettings, QueueSettings
from servicebus_local.broker.subscription import Subscription
from servicebus_local.clock import Clock
from servicebus_local.entities import QueueConfig, SubscriptionConfig, TopicConfig
from servicebus_local.messages.incoming import IncomingMessage
from servicebus_local.storage.store import Store

DEAD_LETTER_SUFFIX = "/$DeadLetterQueue"
TRANSFER_SUFFIX = "/$Transfer/$DeadLetterQueue"


class Builder:
    """Builds nodes."""

    def __init__(self, store: Store, clock: Clock, wake: Wake, find: Callable[[str], Destination]) -> None:
        self._parts = QueueParts(store, clock, wake)
        self._forwarding = Forwarding(find)

    def queue(self, config: QueueConfig, created_at: int, updated_at: int) -> QueueNode:
        """A queue."""
        properties = config.properties
        queue, parts = self._queue(config.name, QueueSettings.of(properties), sessions=properties.requires_session)

        def route(message: IncomingMessage) -> list[Routed]:
            return [(queue, message, None)]

        destination = self._destination(queue, route, DestinationSettings.of(properties), lambda: node.size)
        parts[0].destination = destination
        parts[0].set_status(properties.status)
        node = QueueNode(
            entity=parts[0],
            parts=parts,
            created_at=created_at,
            updated_at=updated_at,
            config=config,
            queue=queue,
            destination=destination,
        )
        return node

    def topic(self, config: TopicConfig, created_at: int, updated_at: int) -> TopicNode:
        """A topic without its subscriptions."""
        keeps = QueueSettings(lock_duration=0, max_delivery_count=0, default_ttl=None, dead_letters_expired=False)
        holding = MessageQueue(config.name, keeps, self._parts, self._forwarding)
        holding.load()

        def route(message: IncomingMessage) -> list[Routed]:
            subscriptions = [each.subscription for each in node.subscriptions.values()]
            return [(each.queue, copy, reason) for each in subscriptions for copy, reason in each.copies(message)]

        destination = self._destination(holding, route, DestinationSettings.of(config.properties), lambda: node.size)
        entity = Entity(config.name, None, destination)
        entity.set_status(config.properties.status)
        node = TopicNode(
            entity=entity,
            parts=[entity],
            created_at=created_at,
            updated_at=updated_at,
            config=config,
            holding=holding,
            destination=destination,
        )
        return node

    def subscription(
        self, topic: str, config: SubscriptionConfig, created_at: int, updated_at: int
    ) -> SubscriptionNode:
        """A subscription, with the rules that its description has."""
        properties, path = config.properties, f"{topic}/subscriptions/{config.name}"
        queue, parts = self._queue(path, QueueSettings.of(properties), sessions=properties.requires_session)
        parts[0].set_status(properties.status)
        subscription = Subscription(
            queue, RuleSet(config.rules), properties.dead_lettering_on_filter_evaluation_exceptions
        )
        return SubscriptionNode(
            entity=parts[0],
            parts=parts,
            created_at=created_at,
            updated_at=updated_at,
            config=config,
            queue=queue,
            subscription=subscription,
        )

    def _destination(
        self,
        queue: MessageQueue,
        route: Callable[[IncomingMessage], list[Routed]],
        settings: DestinationSettings,
        usage: Callable[[], int],
    ) -> Destination:
        return Destination(queue, route, settings, self._forwarding, usage, self._parts.store, self._parts.clock)

    def _queue(self, path: str, settings: QueueSettings, *, sessions: bool) -> tuple[MessageQueue, list[Entity]]:
        dead_letters, transfers = (
            MessageQueue(path + suffix, settings, self._parts, self._forwarding)
            for suffix in (DEAD_LETTER_SUFFIX, TRANSFER_SUFFIX)
        )
        kind = SessionQueue if sessions else MessageQueue
        parts = replace(self._parts, dead_letters=dead_letters, transfers=transfers)
        queue = kind(path, settings, parts, self._forwarding)
        dead_letters.sequence = transfers.sequence = queue.sequence
        queues = (queue, dead_letters, transfers)
        for each in queues:
            each.load()
        return queue, [Entity(each.path, each) for each in queues]
