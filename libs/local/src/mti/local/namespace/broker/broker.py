"""The broker: all entities of the namespace by their addresses."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mti.local.namespace.broker.consumer import Done
from mti.local.namespace.broker.destination import Destination, Routed
from mti.local.namespace.broker.queue import MessageQueue
from mti.local.namespace.broker.rules import RuleSet
from mti.local.namespace.broker.session_queue import SessionQueue
from mti.local.namespace.broker.settings import DestinationSettings, QueueSettings
from mti.local.namespace.broker.subscription import Subscription
from mti.local.namespace.broker.tally import Counts
from mti.local.namespace.clock import Clock
from mti.local.namespace.config import NamespaceConfig
from mti.local.namespace.entities import QueueConfig, SubscriptionConfig, TopicConfig
from mti.local.namespace.errors import EntityNotFound
from mti.local.namespace.messages.incoming import IncomingMessage
from mti.local.namespace.storage.store import Store

DEAD_LETTER_SUFFIX = "/$DeadLetterQueue"


@dataclass(frozen=True)
class Entity:
    """What an address names."""

    path: str
    queue: MessageQueue | None = None
    """What can be received from."""
    destination: Destination | None = None
    """What can be sent to."""


class Broker:
    """All entities; built from the configuration and what the storage holds."""

    def __init__(
        self, config: NamespaceConfig, data: Path, clock: Clock, defer: Callable[[Callable[[], None]], object]
    ) -> None:
        self.clock = clock
        self.store = Store(data / "namespace.sqlite3", defer)
        self.store.after_commit = self.pump
        self._defer = defer
        self._entities: dict[str, Entity] = {}
        self._counted: dict[str, MessageQueue] = {}
        self._queues: list[MessageQueue] = []
        self._destinations: list[Destination] = []
        self._awake: dict[MessageQueue, None] = {}
        for queue in config.queues:
            self._add_queue(queue)
        for topic in config.topics:
            self._add_topic(topic)

    def entity(self, address: str) -> Entity:
        """The entity of an address, in any case. Raises `EntityNotFound`."""
        entity = self._entities.get(address.lower())
        if entity is None:
            raise EntityNotFound(address)
        return entity

    def advance(self) -> None:
        """Do what is due by the clock."""
        now = self.clock()
        for destination in self._destinations:
            destination.advance(now)
        for queue in self._queues:
            queue.advance(now)

    def release_scheduled(self, done: Done) -> int:
        """Make every scheduled message due now; returns how many, and calls back once they are active."""
        count = sum(destination.release(None, lambda _: None) for destination in self._destinations)
        self.store.then(done)
        return count

    def statistics(self) -> dict[str, Counts]:
        """The counts of each entity at this instant."""
        return {
            path: queue.tally.counts(len(queue.dead_letters.tally) if queue.dead_letters else 0)
            for path, queue in self._counted.items()
        }

    def pump(self) -> None:
        """Hand out messages of all queues where something happened."""
        while self._awake:
            self._awake.popitem()[0].pump()

    def close(self) -> None:
        """Make all writes durable and close the storage."""
        self.store.close()

    # -- building

    def _wake(self, queue: MessageQueue) -> None:
        if not self._awake:
            self._defer(self.pump)
        self._awake[queue] = None

    def _queue(self, path: str, settings: QueueSettings, *, sessions: bool) -> MessageQueue:
        dead_letters = MessageQueue(path + DEAD_LETTER_SUFFIX, settings, self.store, self.clock, self._wake)
        kind = SessionQueue if sessions else MessageQueue
        queue = kind(path, settings, self.store, self.clock, self._wake, dead_letters)
        dead_letters.sequence = queue.sequence
        for each in (dead_letters, queue):
            each.load()
            self._queues.append(each)
            self._entities[each.path.lower()] = Entity(each.path, each)
        self._counted[path] = queue
        return queue

    def _add_queue(self, config: QueueConfig) -> None:
        queue = self._queue(
            config.name, QueueSettings.of(config.properties), sessions=config.properties.requires_session
        )
        settings = DestinationSettings.of(config.properties)
        destination = Destination(queue, lambda message: [(queue, message, None)], settings, self.store, self.clock)
        self._destinations.append(destination)
        self._entities[config.name.lower()] = Entity(config.name, queue, destination)

    def _add_topic(self, config: TopicConfig) -> None:
        settings = DestinationSettings.of(config.properties)
        keeps = QueueSettings(lock_duration=0, max_delivery_count=0, default_ttl=None, dead_letters_expired=False)
        holding = MessageQueue(config.name, keeps, self.store, self.clock, self._wake)
        holding.load()
        self._counted[config.name] = holding
        subscriptions = [self._subscription(config.name, each) for each in config.subscriptions]

        def route(message: IncomingMessage) -> list[Routed]:
            return [(each.queue, copy, grave) for each in subscriptions for copy, grave in each.copies(message)]

        destination = Destination(holding, route, settings, self.store, self.clock)
        self._destinations.append(destination)
        self._entities[config.name.lower()] = Entity(config.name, None, destination)

    def _subscription(self, topic: str, config: SubscriptionConfig) -> Subscription:
        settings, path = QueueSettings.of(config.properties), f"{topic}/subscriptions/{config.name}"
        queue = self._queue(path, settings, sessions=config.properties.requires_session)
        return Subscription(
            queue, RuleSet.initial(config.rules), config.properties.dead_lettering_on_filter_evaluation_exceptions
        )
