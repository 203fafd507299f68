"""An estate in one process: tenants in a file, a normalizer, a publisher and their stores, workspaces of a simulated
Sentinel over HTTP, and between the two services a bus that keeps the order of each session. The clock is turned by
hand; processes may die at any step.
"""

import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from pydantic import SecretStr

from mti.common.adapters.packed import packed
from mti.common.adapters.secrets import ReferenceResolver
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import PageChunk, page_message
from mti.common.ports import settlement
from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.settlement import Complete, Park
from mti.common.ports.store import Store
from mti.common.registry import Feed, FeedFormat, Registry, TenantState, TenantStatus, registry_from
from mti.common.topology import STANDARD
from mti.normalizer.composition import NormalizeHandler, normalize_handler
from mti.operations.backfill import Backfill, Selection
from mti.operations.books import DestinationBooks
from mti.operations.bus import DESCRIPTION, REASON, BusLoads, DeadLetter, Unseen
from mti.operations.destinations import DestinationAudit
from mti.operations.locate import Hidden, locate_objects
from mti.operations.on_the_bus import OnTheBus
from mti.operations.revoking import Lifted, LiftedSources, Lifting, RevokeObservable, RevokeResult, RevokeSources, Scope
from mti.operations.revoking import observable_of as observable_in_words
from mti.operations.stores import Stores
from mti.publisher.composition import publish_handler
from mti.publisher.destinations import Destinations
from mti.publisher.handler import PublishHandler
from mti.publisher.records import SHARDS, Published, PublishedVersions, destination_checkpoints
from mti.simulators.sentinel import App, SentinelSimulator, WorkspaceSpec
from tests.normalizer.world import Crash, Fuse, FusedContainer, FusedSender, sha256, stix
from tests.normalizer.world import Outbox as Pages
from tests.publisher.world import APP_ID, DIRECTORY, SECRET, TurnedClock, received

DUPLICATES = timedelta(minutes=10)
"""For how long the bus knows a MessageId again."""


class Bus:
    """A topic with sessions and duplicate detection, to which the services and the operator send."""

    def __init__(self, clock: TurnedClock) -> None:
        self._clock = clock
        self.sessions: dict[str, deque[Received]] = {}
        self.history: list[Outgoing] = []
        self.dead: list[DeadLetter] = []
        self._ids: dict[str, datetime] = {}

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Take messages; what was sent a short while ago is swallowed."""
        for message in messages:
            now, before = self._clock.now(), self._ids.get(message.message_id)
            if before is not None and now - before < DUPLICATES:
                continue
            self._ids[message.message_id] = now
            self.history.append(message)
            self.put(message)

    def put(self, message: Outgoing) -> None:
        """Put a message at the end of its session, whatever its MessageId."""
        self.sessions.setdefault(message.session_id or "", deque()).append(received(message))

    def waiting(self) -> list[str]:
        return [session for session, found in self.sessions.items() if found]

    async def live(self, entity: str) -> AsyncIterator[Received]:
        for session in list(self.sessions.values()) if "subscriptions/publisher" in entity else ():
            for message in list(session):
                yield message

    async def dead_letters(self, entity: str) -> AsyncIterator[DeadLetter]:
        for found in self.dead if "subscriptions/publisher" in entity else ():
            yield found


@dataclass(frozen=True)
class _View:
    bus: Bus

    def live(self, entity: str) -> AsyncIterator[Received]:
        return self.bus.live(entity)

    def dead(self, entity: str, *, after: int = 0) -> AsyncIterator[DeadLetter]:
        return self.bus.dead_letters(entity)

    def unseen(self) -> Unseen:
        return Unseen()

    async def loads(self) -> BusLoads:
        return BusLoads(entities={})


@dataclass(frozen=True)
class FusedStore:
    """A store on which a process may die."""

    store: Store
    fuse: Fuse

    def container(self, name: str) -> FusedContainer:
        return FusedContainer(self.store.container(name), self.fuse)

    async def close(self) -> None:
        return


@dataclass
class Provider:
    """The registry of today."""

    current: Registry

    async def latest(self) -> Registry:
        return self.current


@dataclass
class Estate:
    """Everything. `tenants` and `defaults` are the file; `edit` makes a changed one true."""

    folder: Path
    workspaces: Sequence[str]
    tenants: list[dict[str, Any]]
    defaults: dict[str, Any] = field(default_factory=dict)
    states: dict[str, TenantState] = field(default_factory=dict)
    clock: TurnedClock = field(default_factory=TurnedClock)
    runs: int = 0

    async def open(self) -> Self:
        """Start everything that the services talk to."""
        app = App(
            azure_tenant_id=DIRECTORY,
            client_id=APP_ID,
            client_secret=SecretStr(SECRET),
            workspaces=tuple(self.workspaces),
        )
        self._stack = AsyncExitStack()
        specs = [WorkspaceSpec(id=id) for id in self.workspaces]
        self.sentinel = await self._stack.enter_async_context(SentinelSimulator(specs, [app], now=self.clock.now))
        self.normalizer = packed(SqliteStore(self.folder / "normalizer.db", clock=self.clock), self.clock)
        self.publisher = packed(SqliteStore(self.folder / "publisher.db", clock=self.clock), self.clock)
        self._stack.push_async_callback(self.normalizer.close)
        self._stack.push_async_callback(self.publisher.close)
        self.bus = Bus(self.clock)
        self.provider = Provider(self.described())
        self.start()
        return self

    async def close(self) -> None:
        await self._stack.aclose()

    def described(self) -> Registry:
        """Return the registry that the file and the states describe.

        Raises:
            InvalidTenantsFile: tenants contradict each other.
        """
        tenants = [
            {**tenant, "destinations": [self._destination(id) for id in tenant["destinations"]]}
            for tenant in self.tenants
        ]
        document = {"defaults": self.defaults, "tenants": tenants}
        return registry_from(document, allow_loopback=True, states=self.states)

    def _destination(self, id: str) -> dict[str, Any]:
        url = self.sentinel.base_url
        return {
            "workspace_id": id,
            "endpoint": url,
            "authority": url,
            "azure_tenant_id": DIRECTORY,
            "auth": "client_secret",
            "client_id": APP_ID,
            "client_secret": "env:APP_SECRET",
        }

    def edit(self) -> None:
        """Make the file as it is now true."""
        self.provider.current = self.described()

    @property
    def registry(self) -> Registry:
        return self.provider.current

    def start(self, normalizer: Fuse | None = None, publisher: Fuse | None = None) -> None:
        """Start both services anew; with a fuse, one that dies."""
        self.normalize = self._normalizer(normalizer or Fuse())
        self.publish = self._publisher(publisher or Fuse())

    def _normalizer(self, fuse: Fuse) -> NormalizeHandler:
        store = FusedStore(self.normalizer, fuse)
        return normalize_handler(
            self.provider,
            store,
            self.clock,
            indicators=FusedSender(self.bus, fuse),
            pages=Pages(),
            to="normalizer",
        )

    def _publisher(self, fuse: Fuse) -> PublishHandler:
        store = FusedStore(self.publisher, fuse)
        rng = random.Random(1)
        destinations = Destinations(
            ReferenceResolver(environ={"APP_SECRET": SECRET}, clock=self.clock), self.clock, rng
        )
        self._stack.push_async_callback(destinations.close)
        return publish_handler(
            self.provider,
            PublishedVersions(store.container("published"), self.clock),
            destination_checkpoints(store.container("checkpoints")),
            destinations.connect,
            FusedSender(self.bus, fuse),
            "publisher",
            self.clock,
            rng,
            takeover=timedelta(),
        )

    @property
    def versions(self) -> PublishedVersions:
        return PublishedVersions(self.publisher.container("published"), self.clock)

    def stores(self, fuse: Fuse | None = None) -> Stores:
        burning = fuse or Fuse()
        normalizer, publisher = FusedStore(self.normalizer, burning), FusedStore(self.publisher, burning)
        return Stores(normalizer, normalizer, publisher)

    def packed_stores(self, fuse: Fuse | None = None) -> Stores:
        """Return stores of their own, which may die between any two calls of what lies below."""
        burning = fuse or Fuse()
        normalizer, publisher = (
            packed(FusedStore(store.below, burning), self.clock) for store in (self.normalizer, self.publisher)
        )
        return Stores(normalizer, normalizer, publisher)

    def chunk(self, source: str, seen: Mapping[str, datetime]) -> Received:
        """Return a chunk in which a source saw files, each at its time."""
        feed = Feed.MALWARE_GRID if source.startswith("grid:") else Feed(source.rpartition("/")[2])
        records = [stix(file, time) for file, time in seen.items()]
        return received(
            page_message(PageChunk(source=source, feed=feed, region="eu", format=FeedFormat.STIX, records=records))
        )

    async def saw(self, source: str, *files: str) -> None:
        """Let a source have seen files at this moment."""
        await self.handle(self.chunk(source, dict.fromkeys(files, self.clock.now())))

    async def handle(self, chunk: Received) -> None:
        """Normalize a chunk; a normalizer that dies over it is started again, and is handed it again."""
        try:
            (outcome,) = await self.normalize([chunk])
        except Crash:
            self.normalize = self._normalizer(Fuse())
            (outcome,) = await self.normalize([chunk])
        assert isinstance(outcome, Complete), outcome

    async def deliver(self, session: str, most: int = 20) -> None:
        """Hand the publisher the next messages of a session, as a host does; one that dies is started again."""
        queue = self.bus.sessions[session]
        batch = [queue[place] for place in range(min(most, len(queue)))]
        try:
            outcomes = await self.publish(batch)
        except Crash:
            self.publish = self._publisher(Fuse())
            return
        for message, outcome in zip(batch, outcomes, strict=True):
            queue.popleft()
            if isinstance(outcome, settlement.DeadLetter):
                why = {REASON: outcome.reason, DESCRIPTION: outcome.description}
                dead = replace(message, properties={**message.properties, **why})
                self.bus.dead.append(DeadLetter(entity=STANDARD.indicators.path, message=dead))
            elif isinstance(outcome, Park):
                queue.append(message)
                self.clock.turn(seconds=outcome.delay.total_seconds())
            else:
                assert isinstance(outcome, Complete), outcome

    async def drain(self) -> None:
        """Deliver all that is on the bus."""
        for _ in range(1000):
            if not (waiting := self.bus.waiting()):
                return
            await self.deliver(waiting[0])
        raise AssertionError("the bus does not run dry")

    async def _again(self, work: Callable[[Fuse], Any], step: int | None) -> Any:
        """Do what an operator does; who dies at a step runs it again."""
        self.clock.turn(seconds=1)
        try:
            return await work(Fuse(step))
        except Crash:
            self.clock.turn(seconds=1)
            return await work(Fuse())

    async def revoke(self, file: str, *, dies_at: int | None = None) -> RevokeResult:
        async def work(fuse: Fuse) -> RevokeResult:
            sender = FusedSender(self.bus, fuse)
            operation = RevokeObservable(self.registry, self.stores(fuse), sender, self.clock)
            return await operation.run(observable_in_words(sha256(file)), "a false alarm")

        found: RevokeResult = await self._again(work, dies_at)
        return found

    async def revoke_all(self, scope: Scope, *, dies_at: int | None = None) -> RevokeResult:
        async def work(fuse: Fuse) -> RevokeResult:
            sender = FusedSender(self.bus, fuse)
            return await RevokeSources(self.registry, self.stores(fuse), sender, self.clock).run(scope, None)

        found: RevokeResult = await self._again(work, dies_at)
        return found

    async def lift(self, file: str, *, dies_at: int | None = None) -> Lifted:
        async def work(fuse: Fuse) -> Lifted:
            lifting = Lifting(self.registry, self.stores(fuse), self.clock)
            return await lifting.observable(observable_in_words(sha256(file)))

        found: Lifted = await self._again(work, dies_at)
        return found

    async def lift_all(self, scope: Scope, *, dies_at: int | None = None) -> LiftedSources:
        async def work(fuse: Fuse) -> LiftedSources:
            return await Lifting(self.registry, self.stores(fuse), self.clock).sources(scope)

        found: LiftedSources = await self._again(work, dies_at)
        return found

    def set_state(self, tenant: str, status: TenantStatus) -> None:
        self.states = {**self.states, tenant: TenantState(status=status)}
        self.edit()

    async def remove(self, tenant: str, *, withdraw: bool, dies_at: int | None = None) -> None:
        """Do what `mti tenants remove` does."""
        if withdraw:
            self.set_state(tenant, TenantStatus.PAUSED)
            await self.revoke_all(Scope(tenant=tenant), dies_at=dies_at)
        self.set_state(tenant, TenantStatus.REMOVED)
        if withdraw:
            await self.revoke_all(Scope(tenant=tenant))

    def resume(self, tenant: str) -> None:
        self.states = {name: state for name, state in self.states.items() if name != tenant}
        self.edit()

    async def backfill(self, tenant: str) -> None:
        self.runs += 1
        work = Backfill(self.registry, self.normalizer, self.bus, self.clock, lambda: f"run{self.runs}")
        await work.run(Selection(tenant=tenant))

    async def books(self, destination: str) -> DestinationBooks:
        """Reconcile one workspace, by the same steps as `reconcile`."""
        audit = DestinationAudit(self.registry, self.normalizer, self.publisher, self.clock)
        books, missing = await audit.of(self.registry.destinations[destination])
        view = _View(self.bus)
        on_the_bus = await OnTheBus.peek(view, chunks=False, indicators=bool(missing))
        await locate_objects(books, missing, on_the_bus, Hidden(Unseen(), STANDARD), audit)
        return books

    def shown(self, destination: str) -> set[str]:
        """Return the hashes that a workspace shows as malicious."""
        return {observable.value for observable in self.sentinel.workspaces[destination].observables()}

    def alive_ids(self, destination: str) -> Counter[str]:
        """Return under how many ids a workspace shows each hash."""
        state = self.sentinel.workspaces[destination].state.values()
        return Counter(found.observable.value for found in state if found.observable and not found.revoked)

    async def entries(self, destination: str) -> dict[str, Published]:
        """Return the publisher's books of a workspace, by the observables' own ids."""
        return {id: found for shard in SHARDS async for id, found in self.versions.scan(destination, shard)}
