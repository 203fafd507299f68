"""Which entities there are at this moment."""

from typing import TypeVar

from servicebus_local.broker.building import Builder
from servicebus_local.broker.destination import Destination
from servicebus_local.broker.entity import Entity
from servicebus_local.broker.message_store import Wake
from servicebus_local.broker.nodes import AnyNode, Node, QueueNode, SubscriptionNode, TopicNode
from servicebus_local.broker.queue import MessageQueue
from servicebus_local.clock import Clock
from servicebus_local.entities import QueueConfig, SubscriptionConfig, TopicConfig
from servicebus_local.errors import EntityNotFound
from servicebus_local.paths import path_of
from servicebus_local.storage.store import Store

Existing = TypeVar("Existing", bound=Node)


class Catalogue:
    """All entities, by path and by kind."""

    def __init__(self, store: Store, clock: Clock, wake: Wake) -> None:
        self.queues: dict[str, QueueNode] = {}
        self.topics: dict[str, TopicNode] = {}
        """Both by their names in lower case."""
        self._builder = Builder(store, clock, wake, self._find_destination)
        self._entities: dict[str, Entity] = {}

    # -- what there is

    def entity(self, address: str) -> Entity:
        """The entity of an address, in any case. Raises `EntityNotFound`."""
        entity = self._entities.get(address.lower())
        if entity is None:
            raise EntityNotFound(address)
        return entity

    def topic(self, name: str) -> TopicNode:
        """A topic. Raises `EntityNotFound`."""
        return _existing(self.topics.get(name.lower()), name)

    def queue(self, name: str) -> QueueNode:
        """A queue. Raises `EntityNotFound`."""
        return _existing(self.queues.get(name.lower()), name)

    def subscription(self, topic: str, name: str) -> SubscriptionNode:
        """A subscription. Raises `EntityNotFound`."""
        return _existing(self.topic(topic).subscriptions.get(name.lower()), subscription_path(topic, name))

    def nodes(self) -> list[AnyNode]:
        """All queues, topics and subscriptions."""
        subscriptions = [each for topic in self.topics.values() for each in topic.subscriptions.values()]
        return [*self.queues.values(), *self.topics.values(), *subscriptions]

    def message_queues(self) -> list[MessageQueue]:
        """All queues, subscriptions and dead-letter queues."""
        return [queue for node in self.nodes() if not isinstance(node, TopicNode) for queue in node.queues]

    def destinations(self) -> list[Destination]:
        """All that can be sent to."""
        return [
            *(queue.destination for queue in self.queues.values()),
            *(topic.destination for topic in self.topics.values()),
        ]

    def has(self, address: str) -> bool:
        """Whether something has that path, or the path in that URI."""
        return path_of(address).lower() in self._entities

    # -- changing

    def add_queue(self, config: QueueConfig, created_at: int, updated_at: int) -> QueueNode:
        """Build a queue; the storage is not told."""
        node = self.queues[config.name.lower()] = self._builder.queue(config, created_at, updated_at)
        self._register(node)
        return node

    def add_topic(self, config: TopicConfig, created_at: int, updated_at: int) -> TopicNode:
        """Build a topic without its subscriptions."""
        bare = config.model_copy(update={"subscriptions": ()})
        node = self.topics[config.name.lower()] = self._builder.topic(bare, created_at, updated_at)
        self._register(node)
        return node

    def add_subscription(
        self, topic: TopicNode, config: SubscriptionConfig, created_at: int, updated_at: int
    ) -> SubscriptionNode:
        """Build a subscription with the rules that its description has."""
        node = self._builder.subscription(topic.path, config, created_at, updated_at)
        topic.subscriptions[config.name.lower()] = node
        self._register(node)
        return node

    def remove(self, node: AnyNode) -> None:
        """Take an entity out; who is attached to it is sent away."""
        for entity in node.parts:
            entity.evict_all(EntityNotFound(entity.path))
            self._entities.pop(entity.path.lower(), None)
        if isinstance(node, SubscriptionNode):
            topic, _, name = node.path.lower().rpartition("/subscriptions/")
            self.topics[topic].subscriptions.pop(name, None)
        elif isinstance(node, TopicNode):
            del self.topics[node.path.lower()]
        else:
            del self.queues[node.path.lower()]

    def _register(self, node: Node) -> None:
        for entity in node.parts:
            self._entities[entity.path.lower()] = entity

    def _find_destination(self, address: str) -> Destination:
        return self.entity(path_of(address)).open_destination()


def subscription_path(topic: str, name: str) -> str:
    """The path of a subscription."""
    return f"{topic}/subscriptions/{name}"


def _existing(node: Existing | None, path: str) -> Existing:
    if node is None:
        raise EntityNotFound(path)
    return node
