"""The books of the three services beside a bus in memory: dead letters, what waits, and who handles it.

The bus drops duplicates as the real one does. Every call that leaves the process may be the one at which it dies.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import Carried, IndicatorBatch, decode
from mti.common.contracts.envelope import PREFIX
from mti.common.ports import settlement
from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.clock import SystemClock
from mti.common.ports.store import Container, Store
from mti.common.registry import Destination, Feed, Registry, SentinelAuth
from mti.common.topology import STANDARD, Entity
from mti.fetcher.records import Ledger as FetchLedger
from mti.operations.books import Reconciliation
from mti.operations.bus import DESCRIPTION, REASON, BusLoads, DeadLetter, Unseen
from mti.operations.dead_letters import ServiceBooks
from mti.operations.reconcile import reconcile
from mti.operations.stores import Stores
from mti.publisher.records import PUBLISHED, Accept, Item, PublishedVersions
from tests.normalizer.world import CONTOSO, CUSTOMER, NOW, Fuse, FusedContainer, World, received


@dataclass
class Queue:
    """One subscription: dead letters, and what waits to be handled."""

    entity: Entity
    fuse: Fuse = field(default_factory=Fuse)
    dead: dict[int, DeadLetter] = field(default_factory=dict)
    waiting: list[Received] = field(default_factory=list)
    locked: bool = False
    _seen: set[str] = field(default_factory=set)
    _last: int = 0

    @property
    def sender(self) -> "Queue":
        return self

    async def send(self, messages: Sequence[Outgoing]) -> None:
        self.fuse.step()
        for message in messages:
            if message.message_id not in self._seen:
                self._seen.add(message.message_id)
                self.waiting.append(received(message))
        self.fuse.step()

    async def letters(self, *, after: int = 0) -> AsyncIterator[DeadLetter]:
        for sequence, letter in sorted(self.dead.items()):
            if sequence > after:
                yield letter

    async def read(self, sequences: Collection[int]) -> list[DeadLetter]:
        return [letter for sequence, letter in sorted(self.dead.items()) if sequence in sequences]

    async def complete(self, sequences: Collection[int]) -> set[int]:
        self.fuse.step()
        if self.locked:
            return set(sequences)
        for sequence in sequences:
            self.dead.pop(sequence, None)
            self.fuse.step()
        return set()

    def bury(self, message: Received, reason: str = "Bug") -> DeadLetter:
        """Dead-letter a message."""
        self._last += 1
        marks = {REASON: reason, DESCRIPTION: "a fault; report it"}
        made = replace(message, sequence_number=self._last, properties={**message.properties, **marks})
        self._seen.add(message.message_id)
        self.dead[self._last] = DeadLetter(entity=self.entity.path, message=made)
        return self.dead[self._last]


@dataclass
class FusedStore:
    """A store of a process that may die."""

    store: Store
    fuse: Fuse

    def container(self, name: str) -> Container:
        return FusedContainer(self.store.container(name), self.fuse)

    async def close(self) -> None:
        return


@dataclass
class Scene:
    """All of it."""

    normalized: World
    stores: Stores
    pages: Queue = field(default_factory=lambda: Queue(STANDARD.pages))
    indicators: Queue = field(default_factory=lambda: Queue(STANDARD.indicators))

    @property
    def queues(self) -> list[Queue]:
        return [self.pages, self.indicators]

    @property
    def versions(self) -> PublishedVersions:
        return PublishedVersions(self.stores.publisher.container(PUBLISHED), SystemClock())

    def books(self, fuse: Fuse | None = None) -> ServiceBooks:
        """Return the books; with a fuse, as a process sees them that dies."""
        burning = fuse or Fuse()
        for queue in self.queues:
            queue.fuse = burning
        fetcher, normalizer, publisher = (
            FusedStore(store, burning) for store in (self.stores.fetcher, self.stores.normalizer, self.stores.publisher)
        )
        return ServiceBooks(fetcher, normalizer, publisher, SystemClock())

    async def published(self, message: Received, detections: int) -> Received:
        """Let the fetcher's books count a chunk."""
        ledger = FetchLedger(self.stores.fetcher.container("ledger"))
        await ledger.enter(CUSTOMER, {str(message.properties[f"{PREFIX}id"]): detections}, NOW)
        return message

    async def handle(self) -> None:
        """Let the services handle what waits."""
        while self.pages.waiting:
            message = self.pages.waiting.pop(0)
            [outcome] = await self.normalized.normalizer()([message])
            if isinstance(outcome, settlement.DeadLetter):
                self.pages.bury(message, outcome.reason)
            else:
                assert outcome == settlement.Complete()
            parts, self.normalized.pages.sent[:] = list(self.normalized.pages.sent), []
            await self.pages.send(parts)
        made, self.normalized.indicators.sent[:] = list(self.normalized.indicators.sent), []
        await self.indicators.send([message for message in made if message.session_id == CONTOSO])

    async def deliver(self) -> None:
        """Let the workspace accept the indicators that wait."""
        waiting, self.indicators.waiting = self.indicators.waiting, []
        for message in waiting:
            for found in decode(message, IndicatorBatch)[1].objects:
                item = Item.of(
                    Carried.of(found),
                    source=CUSTOMER,
                    feed=Feed.MALWARE_CUSTOMER,
                    extension=NOW - NOW,
                )
                await self.versions.record(CONTOSO, [Accept(item)])

    async def reconciled(self) -> Reconciliation:
        return await reconcile(_registry(self.normalized), self.stores, _View(self))


@dataclass
class _View:
    scene: Scene

    async def live(self, entity: str) -> AsyncIterator[Received]:
        for queue in self.scene.queues:
            for message in queue.waiting if queue.entity.path == entity else ():
                yield message

    async def dead(self, entity: str, *, after: int = 0) -> AsyncIterator[DeadLetter]:
        for queue in self.scene.queues:
            for letter in queue.dead.values() if queue.entity.path == entity else ():
                if letter.sequence > after:
                    yield letter

    def unseen(self) -> Unseen:
        return Unseen()

    async def loads(self) -> BusLoads:
        return BusLoads(entities={})


async def scene_in(folder: Path, closing: Callable[[Callable[[], Awaitable[None]]], object]) -> Scene:
    """Return a scene; `closing` is given what is to be called at the end."""
    stores = [packed(SqliteStore(folder / f"{name}.db")) for name in ("fetcher", "normalizer", "publisher")]
    for store in stores:
        closing(store.close)
    return Scene(World(stores[1]), Stores(*stores))


def _registry(normalized: World) -> Registry:
    """Return contoso's feed and its workspace alone."""
    found = normalized.registry
    destination = Destination(
        id=CONTOSO, tenants=["contoso"], endpoint="https://x", authority="https://x", azure_tenant_id=None,
        auth=SentinelAuth.MANAGED_IDENTITY,
    )  # fmt: skip
    routes = [route for route in found.routes if (route.source, route.destination) == (CUSTOMER, CONTOSO)]
    return replace(
        found, sources={CUSTOMER: found.sources[CUSTOMER]}, destinations={CONTOSO: destination}, routes=routes
    )
