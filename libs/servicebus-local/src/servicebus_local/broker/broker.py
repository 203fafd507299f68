"""The broker: the catalogue of entities, kept going."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from servicebus_local.broker.catalogue import Catalogue
from servicebus_local.broker.consumer import Done, Lock
from servicebus_local.broker.entity import Entity
from servicebus_local.broker.entity_changes import EntityChanges
from servicebus_local.broker.locked_messages import LockedMessages
from servicebus_local.broker.message_store import MessageStore
from servicebus_local.broker.nodes import is_in_use, last_use
from servicebus_local.broker.recorded import RecordedEntities
from servicebus_local.broker.settings import milliseconds
from servicebus_local.broker.tally import Counts
from servicebus_local.clock import Clock
from servicebus_local.config import NamespaceConfig
from servicebus_local.errors import ServerBusy
from servicebus_local.storage.store import Store


class InHand:
    """Messages that receivers had at an instant."""

    def __init__(self, locks: Sequence[tuple[LockedMessages, Lock]]) -> None:
        self._locks = locks

    def __len__(self) -> int:
        """How many of them are still in hand: neither settled nor given back, and their locks did not run out."""
        return sum(queue.holds(lock) for queue, lock in self._locks)


class Broker:
    """All entities; built from the configuration and what the storage holds."""

    def __init__(
        self, config: NamespaceConfig, data: Path, clock: Clock, defer: Callable[[Callable[[], None]], object]
    ) -> None:
        self.name = config.name
        self.clock = clock
        self.started_at = clock()
        self.store = Store(data / "namespace.sqlite3", defer)
        self.store.after_commit = self._committed
        self.after_commit: Callable[[], None] = lambda: None
        """Runs when all that follows from a commit is done."""
        self.busy = 0
        """How many operations will be refused because the server is busy."""
        self._defer = defer
        self._awake: dict[MessageStore, None] = {}
        self.catalogue = Catalogue(self.store, clock, self._wake)
        recorded = RecordedEntities(self.store)
        recorded.load(config, self.catalogue, self.started_at)
        self.changes = EntityChanges(self.catalogue, recorded, clock)

    def entity(self, address: str) -> Entity:
        """The entity of an address, in any case. Raises `EntityNotFound`."""
        return self.catalogue.entity(address)

    def check_busy(self) -> None:
        """Raises `ServerBusy` as often as the namespace was told to."""
        if self.busy > 0:
            self.busy -= 1
            raise ServerBusy

    def advance(self) -> None:
        """Do what is due by the clock."""
        now = self.clock()
        for destination in self.catalogue.destinations():
            destination.advance(now)
        for queue in self.catalogue.message_queues():
            queue.advance(now)

    def delete_idle(self) -> None:
        """Delete the entities that nobody has used for as long as their AutoDeleteOnIdle says."""
        now = self.clock()
        for node in self.catalogue.nodes():
            limit = node.config.properties.auto_delete_on_idle
            if limit is None:
                continue
            if is_in_use(node):
                node.used_at = now
            elif now - max(last_use(node), self.started_at) > milliseconds(limit):
                self.changes.delete(node.path)

    def release_scheduled(self, done: Done) -> int:
        """Make every scheduled message due now; returns how many, and calls back once they are active."""
        count = sum(
            destination.scheduled.release(None, lambda _: None) for destination in self.catalogue.destinations()
        )
        self.store.then(done)
        return count

    def in_hand(self, about: Collection[str]) -> InHand:
        """The messages that receivers have at this instant and whose session or subject is named."""
        return InHand([(queue, lock) for queue in self.catalogue.message_queues() for lock in queue.in_hand(about)])

    def statistics(self) -> dict[str, Counts]:
        """The counts of each entity at this instant."""
        return {node.path: node.counts for node in self.catalogue.nodes()}

    def pump(self) -> None:
        """Hand out messages of all queues where something happened."""
        while self._awake:
            self._awake.popitem()[0].pump()

    def _committed(self) -> None:
        self.pump()
        self.after_commit()

    def close(self) -> None:
        """Make all writes durable and close the storage."""
        for node in self.catalogue.nodes():
            node.queues[0].sequence.release()
        self.store.close()

    def _wake(self, queue: MessageStore) -> None:
        if not self._awake:
            self._defer(self.pump)
        self._awake[queue] = None
