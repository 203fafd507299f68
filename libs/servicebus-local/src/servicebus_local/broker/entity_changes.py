"""Entities created, changed and deleted while the namespace runs."""

from servicebus_local.broker.catalogue import Catalogue, subscription_path
from servicebus_local.broker.constraints import check_fixed, check_size, check_tier
from servicebus_local.broker.nodes import AnyNode, QueueNode, SubscriptionNode, TopicNode
from servicebus_local.broker.queue import MessageQueue
from servicebus_local.broker.recorded import RecordedEntities
from servicebus_local.broker.rules import RuleSet
from servicebus_local.broker.settings import DestinationSettings, QueueSettings
from servicebus_local.clock import Clock
from servicebus_local.entities import (
    QueueConfig,
    QueueProperties,
    SubscriptionConfig,
    SubscriptionProperties,
    TopicConfig,
)
from servicebus_local.errors import BadRequest, EntityExists, EntityNotFound

_Forwards = QueueProperties | SubscriptionProperties


class EntityChanges:
    """Changes the catalogue, and records it."""

    def __init__(self, catalogue: Catalogue, recorded: RecordedEntities, clock: Clock) -> None:
        self._catalogue = catalogue
        self._recorded = recorded
        self._clock = clock

    def create_queue(self, config: QueueConfig) -> QueueNode:
        """Create a queue. Raises `EntityExists`, or `BadRequest` for what the tier does not have."""
        self._check_free(config.name)
        check_tier(config.properties)
        self._check_forwarding(config.properties)
        now = self._clock()
        node = self._catalogue.add_queue(config, now, now)
        self._recorded.write(node)
        return node

    def create_topic(self, config: TopicConfig) -> TopicNode:
        """Create a topic. Raises `EntityExists`, or `BadRequest` for what the tier does not have."""
        self._check_free(config.name)
        check_tier(config.properties)
        now = self._clock()
        node = self._catalogue.add_topic(config, now, now)
        self._recorded.write(node)
        return node

    def create_subscription(self, topic: str, config: SubscriptionConfig) -> SubscriptionNode:
        """Create a subscription. Raises `EntityNotFound` or `EntityExists`."""
        parent = self._catalogue.topic(topic)
        if config.name.lower() in parent.subscriptions:
            raise EntityExists(subscription_path(parent.path, config.name))
        self._check_forwarding(config.properties)
        now = self._clock()
        node = self._catalogue.add_subscription(parent, config, now, now)
        self._recorded.write(node)
        return node

    def update_queue(self, config: QueueConfig) -> QueueNode:
        """Change a queue. Raises `EntityNotFound`, or `BadRequest` for what cannot be changed."""
        node = self._catalogue.queue(config.name)
        check_fixed(node.config.properties, config.properties)
        check_size(config.properties, node.config.properties)
        self._check_forwarding(config.properties, node.config.properties)
        node.config = config.model_copy(update={"name": node.config.name})
        _change_queues(node.queues, QueueSettings.of(config.properties))
        node.destination.change(DestinationSettings.of(config.properties))
        self._updated(node)
        return node

    def update_topic(self, config: TopicConfig) -> TopicNode:
        """Change a topic. Raises `EntityNotFound`, or `BadRequest` for what cannot be changed."""
        node = self._catalogue.topic(config.name)
        check_fixed(node.config.properties, config.properties)
        check_size(config.properties, node.config.properties)
        node.config = config.model_copy(update={"name": node.config.name, "subscriptions": ()})
        node.destination.change(DestinationSettings.of(config.properties))
        self._updated(node)
        return node

    def update_subscription(self, topic: str, config: SubscriptionConfig) -> SubscriptionNode:
        """Change a subscription; `config` holds the rules that it will have. Raises as `update_queue` does."""
        node = self._catalogue.subscription(topic, config.name)
        check_fixed(node.config.properties, config.properties)
        self._check_forwarding(config.properties, node.config.properties)
        node.config = config.model_copy(update={"name": node.config.name})
        _change_queues(node.queues, QueueSettings.of(config.properties))
        node.subscription.rules = RuleSet(config.rules)
        node.subscription.dead_letters_failures = config.properties.dead_lettering_on_filter_evaluation_exceptions
        self._updated(node)
        return node

    def delete(self, path: str) -> None:
        """Delete a queue, topic or subscription with all its messages. Raises `EntityNotFound`."""
        key = path.lower()
        node = next((each for each in self._catalogue.nodes() if each.path.lower() == key), None)
        if node is None:
            raise EntityNotFound(path)
        gone = [*(node.subscriptions.values() if isinstance(node, TopicNode) else ()), node]
        for each in gone:
            self._catalogue.remove(each)
        self._recorded.delete(gone)

    def _updated(self, node: AnyNode) -> None:
        node.updated_at = self._clock()
        node.entity.set_status(node.config.properties.status)
        self._recorded.write(node)

    def _check_free(self, name: str) -> None:
        if self._catalogue.has(name):
            raise EntityExists(name)

    def _check_forwarding(self, after: _Forwards, before: _Forwards | None = None) -> None:
        """What is to receive the messages exists; what is set already may stay."""
        for name in ("forward_to", "forward_dead_lettered_messages_to"):
            address = getattr(after, name)
            if address and address != getattr(before, name, None) and not self._catalogue.has(address):
                raise BadRequest(f"The auto forwarding destination entity '{address}' does not exist.")


def _change_queues(queues: list[MessageQueue], settings: QueueSettings) -> None:
    for queue in queues:
        queue.settings = settings
        queue.sort_locks()
