"""Which entities there are: those of Config.json, as the administration has changed them since.

Config.json is the initial state. What is created, changed or deleted afterwards is recorded in the storage and goes
before what the file says of the same entity; an entity that nobody touched follows the file.
"""

import json
from typing import Any, TypeVar

from servicebus_local.broker.building import Builder
from servicebus_local.broker.destination import Destination
from servicebus_local.broker.entity import Entity
from servicebus_local.broker.message_store import Wake
from servicebus_local.broker.nodes import Node, QueueNode, SubscriptionNode, TopicNode
from servicebus_local.broker.queue import MessageQueue
from servicebus_local.broker.rules import RuleSet
from servicebus_local.broker.settings import DestinationSettings, QueueSettings
from servicebus_local.clock import Clock
from servicebus_local.config import NamespaceConfig
from servicebus_local.entities import (
    DEFAULT_RULE,
    STANDARD_TIER_KILOBYTES,
    QueueConfig,
    QueueProperties,
    SubscriptionConfig,
    SubscriptionProperties,
    TopicConfig,
    TopicProperties,
)
from servicebus_local.errors import BadRequest, EntityExists, EntityNotFound
from servicebus_local.paths import path_of
from servicebus_local.storage.store import Store

AnyNode = TypeVar("AnyNode", bound=Node)
_Forwards = QueueProperties | SubscriptionProperties
_Sized = QueueProperties | TopicProperties
_DELETED = "null"
_SIZES = range(1024, 5120 + 1, 1024)
"""Megabytes that an entity of the standard tier may have: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas."""
_FIXED = ("requires_session", "requires_duplicate_detection", "enable_partitioning", "max_message_size_in_kilobytes")


class Catalogue:
    """All entities, by path and by kind."""

    def __init__(self, config: NamespaceConfig, store: Store, clock: Clock, wake: Wake) -> None:
        self.queues: dict[str, QueueNode] = {}
        self.topics: dict[str, TopicNode] = {}
        """Both by their names in lower case."""
        self._store = store
        self._clock = clock
        self._builder = Builder(store, clock, wake, self._find_destination)
        self._entities: dict[str, Entity] = {}
        recorded = {path: json.loads(document) for path, document in store.tables.entities()}
        self._load(config, recorded)

    # -- looking

    def entity(self, address: str) -> Entity:
        """The entity of an address, in any case. Raises `EntityNotFound`."""
        entity = self._entities.get(address.lower())
        if entity is None:
            raise EntityNotFound(address)
        return entity

    def topic(self, name: str) -> TopicNode:
        """A topic. Raises `EntityNotFound`."""
        return _found(self.topics.get(name.lower()), name)

    def queue(self, name: str) -> QueueNode:
        """A queue. Raises `EntityNotFound`."""
        return _found(self.queues.get(name.lower()), name)

    def subscription(self, topic: str, name: str) -> SubscriptionNode:
        """A subscription. Raises `EntityNotFound`."""
        return _found(self.topic(topic).subscriptions.get(name.lower()), _path(topic, name))

    def nodes(self) -> list[QueueNode | TopicNode | SubscriptionNode]:
        """All queues, topics and subscriptions."""
        subscriptions = [each for topic in self.topics.values() for each in topic.subscriptions.values()]
        return [*self.queues.values(), *self.topics.values(), *subscriptions]

    def message_queues(self) -> list[MessageQueue]:
        """All places where messages are."""
        return [queue for node in self.nodes() if not isinstance(node, TopicNode) for queue in node.queues]

    def destinations(self) -> list[Destination]:
        """All that can be sent to."""
        return [
            *(queue.destination for queue in self.queues.values()),
            *(topic.destination for topic in self.topics.values()),
        ]

    # -- changing

    def create_queue(self, config: QueueConfig) -> QueueNode:
        """Create a queue. Raises `EntityExists`, or `BadRequest` for what the tier does not have."""
        self._check_free(config.name)
        _check_tier(config.properties)
        self._check_forwarding(config.properties)
        now = self._clock()
        node = self._add_queue(config, now, now)
        self._record(node.path, node, config.document)
        return node

    def create_topic(self, config: TopicConfig) -> TopicNode:
        """Create a topic. Raises `EntityExists`, or `BadRequest` for what the tier does not have."""
        self._check_free(config.name)
        _check_tier(config.properties)
        now = self._clock()
        node = self._add_topic(config, now, now)
        self._record(node.path, node, config.document)
        return node

    def create_subscription(self, topic: str, config: SubscriptionConfig) -> SubscriptionNode:
        """Create a subscription. Raises `EntityNotFound` or `EntityExists`."""
        parent = self.topic(topic)
        if config.name.lower() in parent.subscriptions:
            raise EntityExists(_path(parent.path, config.name))
        self._check_forwarding(config.properties)
        now = self._clock()
        node = self._add_subscription(parent, config, now, now)
        self._record(node.path, node, node.config.document)
        return node

    def update_queue(self, config: QueueConfig) -> QueueNode:
        """Change a queue. Raises `EntityNotFound`, or `BadRequest` for what cannot be changed."""
        node = self.queue(config.name)
        _check_fixed(node.config.properties, config.properties)
        _check_size(config.properties, node.config.properties)
        self._check_forwarding(config.properties, node.config.properties)
        node.config = config.model_copy(update={"name": node.config.name})
        _change_queues(node.queues, QueueSettings.of(config.properties))
        node.destination.change(DestinationSettings.of(config.properties))
        self._updated(node, node.config)
        return node

    def update_topic(self, config: TopicConfig) -> TopicNode:
        """Change a topic. Raises `EntityNotFound`, or `BadRequest` for what cannot be changed."""
        node = self.topic(config.name)
        _check_fixed(node.config.properties, config.properties)
        _check_size(config.properties, node.config.properties)
        node.config = config.model_copy(update={"name": node.config.name, "subscriptions": ()})
        node.destination.change(DestinationSettings.of(config.properties))
        self._updated(node, node.config)
        return node

    def update_subscription(self, topic: str, config: SubscriptionConfig) -> SubscriptionNode:
        """Change a subscription; `config` holds the rules that it will have. Raises as `update_queue` does."""
        node = self.subscription(topic, config.name)
        _check_fixed(node.config.properties, config.properties)
        self._check_forwarding(config.properties, node.config.properties)
        node.config = config.model_copy(update={"name": node.config.name})
        _change_queues(node.queues, QueueSettings.of(config.properties))
        node.subscription.rules = RuleSet(config.rules)
        node.subscription.dead_letters_failures = config.properties.dead_lettering_on_filter_evaluation_exceptions
        self._updated(node, node.config)
        return node

    def delete(self, path: str) -> None:
        """Delete a queue, topic or subscription with all its messages. Raises `EntityNotFound`."""
        key = path.lower()
        node = next((each for each in self.nodes() if each.path.lower() == key), None)
        if node is None:
            raise EntityNotFound(path)
        for each in list(node.subscriptions.values()) if isinstance(node, TopicNode) else []:
            self._drop(each)
        self._drop(node)
        self._store.commit()

    # -- how it is done

    def _load(self, config: NamespaceConfig, recorded: dict[str, Any]) -> None:
        now = self._clock()
        for queue in config.queues:
            if queue.name.lower() not in recorded:
                self._add_queue(queue, now, now)
        for topic in config.topics:
            if topic.name.lower() not in recorded:
                self._add_topic(topic, now, now)
        documents = [each for each in recorded.values() if each is not None]
        for each in sorted(documents, key=lambda each: each["kind"] == "SubscriptionNode"):
            self._load_recorded(each)
        for topic in config.topics:
            untouched = [each for each in topic.subscriptions if _path(topic.name, each.name).lower() not in recorded]
            self._load_subscriptions(topic.name, untouched, now)

    def _load_recorded(self, document: dict[str, Any]) -> None:
        kind, times = document["kind"], document["times"]
        if kind == "QueueNode":
            self._add_queue(QueueConfig.model_validate(document["config"]), *times)
        elif kind == "TopicNode":
            self._add_topic(TopicConfig.model_validate(document["config"]), *times)
        elif document["topic"].lower() in self.topics:
            config = SubscriptionConfig.model_validate(document["config"])
            self._add_subscription(self.topic(document["topic"]), config, *times)

    def _load_subscriptions(self, topic: str, configs: list[SubscriptionConfig], now: int) -> None:
        parent = self.topics.get(topic.lower())
        for config in configs if parent is not None else []:
            self._add_subscription(self.topic(topic), _with_rules(config), now, now)

    def _add_queue(self, config: QueueConfig, created_at: int, updated_at: int) -> QueueNode:
        node = self.queues[config.name.lower()] = self._builder.queue(config, created_at, updated_at)
        self._register(node)
        return node

    def _add_topic(self, config: TopicConfig, created_at: int, updated_at: int) -> TopicNode:
        bare = config.model_copy(update={"subscriptions": ()})
        node = self.topics[config.name.lower()] = self._builder.topic(bare, created_at, updated_at)
        self._register(node)
        return node

    def _add_subscription(
        self, topic: TopicNode, config: SubscriptionConfig, created_at: int, updated_at: int
    ) -> SubscriptionNode:
        node = self._builder.subscription(topic.path, config, created_at, updated_at)
        topic.subscriptions[config.name.lower()] = node
        self._register(node)
        return node

    def _register(self, node: Node) -> None:
        for entity in node.parts:
            self._entities[entity.path.lower()] = entity

    def _drop(self, node: QueueNode | TopicNode | SubscriptionNode) -> None:
        for entity in node.parts:
            entity.evict_all(EntityNotFound(entity.path))
            self._entities.pop(entity.path.lower(), None)
        for queue in node.queues:
            self._store.writes.dropped.append(queue.id)
        self._store.writes.entities.append((node.path.lower(), _DELETED))
        if isinstance(node, SubscriptionNode):
            topic, _, name = node.path.lower().rpartition("/subscriptions/")
            self.topics[topic].subscriptions.pop(name, None)
        elif isinstance(node, TopicNode):
            del self.topics[node.path.lower()]
        else:
            del self.queues[node.path.lower()]

    def _updated(
        self, node: QueueNode | TopicNode | SubscriptionNode, config: QueueConfig | TopicConfig | SubscriptionConfig
    ) -> None:
        node.updated_at = self._clock()
        node.entity.set_status(config.properties.status)
        self._record(node.path, node, config.document)

    def _record(self, path: str, node: Node, document: dict[str, Any]) -> None:
        topic = path.rpartition("/subscriptions/")[0] if isinstance(node, SubscriptionNode) else None
        times = [node.created_at, node.updated_at]
        record = {"kind": type(node).__name__, "topic": topic, "times": times, "config": document}
        self._store.writes.entities.append((path.lower(), json.dumps(record)))
        self._store.commit()

    def _check_free(self, name: str) -> None:
        if name.lower() in self._entities:
            raise EntityExists(name)

    def _check_forwarding(self, after: _Forwards, before: _Forwards | None = None) -> None:
        """What is to receive the messages exists; what is set already may stay."""
        for name in ("forward_to", "forward_dead_lettered_messages_to"):
            address = getattr(after, name)
            if address and address != getattr(before, name, None) and path_of(address).lower() not in self._entities:
                raise BadRequest(f"The auto forwarding destination entity '{address}' does not exist.")

    def _find_destination(self, address: str) -> Destination:
        return self.entity(path_of(address)).open_destination()


def _found(node: AnyNode | None, path: str) -> AnyNode:
    if node is None:
        raise EntityNotFound(path)
    return node


def _path(topic: str, subscription: str) -> str:
    return f"{topic}/subscriptions/{subscription}"


def _with_rules(config: SubscriptionConfig) -> SubscriptionConfig:
    return config if config.rules else config.model_copy(update={"rules": (DEFAULT_RULE,)})


def _change_queues(queues: list[MessageQueue], settings: QueueSettings) -> None:
    for queue in queues:
        queue.settings = settings
        queue.sort_locks()


def _check_fixed(before: object, after: object) -> None:
    for name in _FIXED:
        if getattr(before, name, None) != getattr(after, name, None):
            raise BadRequest(f"The property {name} cannot be changed after the entity was created.")


def _check_tier(properties: _Sized) -> None:
    _check_size(properties)
    if properties.max_message_size_in_kilobytes != STANDARD_TIER_KILOBYTES:
        raise BadRequest("MaxMessageSizeInKilobytes can only be set in the premium tier.")


def _check_size(after: _Sized, before: _Sized | None = None) -> None:
    """What a client sets goes in steps; a Config.json may have any size, so that a test can fill an entity."""
    size = after.max_size_in_megabytes
    if size not in _SIZES and (before is None or size != before.max_size_in_megabytes):
        allowed = ";".join(map(str, _SIZES))
        raise BadRequest(
            f"The specified value {size} is invalid. The property 'MaxSizeInMegabytes', must be one of the following"
            f" values: {allowed}"
        )
