"""Two tenants, three sources and two workspaces, published for real over HTTP with a clock that tests turn."""

import hashlib
import random
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx
from pydantic import SecretStr

from mti.common.adapters.packed import PackedStore
from mti.common.adapters.secrets import ReferenceResolver
from mti.common.clock_check import ClockCheck, CorrectedClock
from mti.common.contracts import Indicator, IndicatorBatch, indicators_message
from mti.common.contracts.envelope import PARKS
from mti.common.hosting import decide
from mti.common.ports.bus import Received
from mti.common.ports.settlement import Complete, DeadLetter, Outcome, Park
from mti.common.registry import Destination, Registry, SentinelAuth
from mti.common.registry.references import parse_reference
from mti.publisher.composition import Destinations, PublishHandler, publish_handler
from mti.publisher.records import (
    OBJECT_REFUSED,
    DestinationCheckpoint,
    DestinationCheckpoints,
    Item,
    PublishedVersions,
    Refuse,
    destination_checkpoints,
)
from mti.publisher.repairing import Uploading
from mti.publisher.retrying import Attempts
from mti.publisher.sentinel.client import TIMEOUT
from mti.simulators.sentinel import App, SentinelFault, SentinelSettings, SentinelSimulator, WorkspaceSpec
from tests.support.service_world import (
    CONTOSO,
    CUSTOMER,
    FABRIKAM,
    GRID,
    NOW,
    OTHER_CUSTOMER,
    Outbox,
    ServiceWorld,
    TurnedClock,
    account,
    received,
    registry_of,
    route,
    source,
    store_in,
)

DIRECTORY = "11111111-1111-1111-1111-111111111111"
APP_ID = "22222222-2222-2222-2222-222222222222"
SECRET = "a-secret-that-nobody-may-see"


class MachineClock:
    """The clock of the publisher's machine: wrong by `ahead`, where a test says so."""

    def __init__(self, right: TurnedClock) -> None:
        self._right = right
        self.ahead = timedelta()

    def now(self) -> datetime:
        return self._right.now() + self.ahead

    def monotonic(self) -> float:
        return self._right.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._right.sleep(seconds)


def indicator(name: str, *, hours: float = 0, validity: timedelta = timedelta(days=30), **fields: Any) -> Indicator:
    """Return the indicator of a file, seen that many hours after the start."""
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    seen = NOW + timedelta(hours=hours)
    given = {
        "id": f"indicator--{uuid5(NAMESPACE_URL, name)}",
        "created": min(NOW, seen),
        "modified": seen,
        "name": name,
        "pattern": f"[file:hashes.'SHA-256' = '{sha256}']",
        "valid_from": min(NOW, seen),
        "valid_until": seen + validity,
        "confidence": 80,
        **fields,
    }
    return Indicator.model_validate(given)


def hash_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def message(*objects: Indicator, to: str = CONTOSO, source: str = CUSTOMER, **fields: Any) -> Received:
    """Return a message that holds the objects."""
    return received(indicators_message(to, IndicatorBatch(source=source, objects=list(objects))), **fields)


def refuse(item: Item, description: str, reason: str = OBJECT_REFUSED) -> Refuse:
    return Refuse(item.own, item.object, description, reason)


def messages_of(names: Iterable[str], size: int, **fields: Any) -> list[Received]:
    """Return the indicators of those names, that many a message."""
    objects = [indicator(name) for name in names]
    return [message(*objects[start : start + size], **fields) for start in range(0, len(objects), size)]


def destination(id: str, base_url: str, **fields: Any) -> Destination:
    given: dict[str, Any] = {
        "id": id,
        "tenants": ["contoso" if id == CONTOSO else "fabrikam"],
        "endpoint": base_url,
        "authority": base_url,
        "azure_tenant_id": DIRECTORY,
        "auth": SentinelAuth.CLIENT_SECRET,
        "client_id": APP_ID,
        "client_secret": parse_reference("env:APP_SECRET"),
    }
    return Destination(**{**given, **fields})


def registry(base_url: str, **fields: Any) -> Registry:
    contoso, fabrikam = account("contoso"), account("fabrikam")
    routes = ((CUSTOMER, CONTOSO), (GRID, CONTOSO), (OTHER_CUSTOMER, FABRIKAM), (GRID, FABRIKAM))
    return registry_of(
        [source(CUSTOMER, contoso), source(OTHER_CUSTOMER, fabrikam), source(GRID, contoso, fabrikam)],
        [destination(id, base_url, **fields) for id in (CONTOSO, FABRIKAM)],
        [route(source, to) for source, to in routes],
    )


@dataclass
class Publisher:
    """A handler as a host runs it."""

    handler: PublishHandler

    async def __call__(self, messages: Sequence[Received]) -> Sequence[Outcome]:
        return await decide(self.handler, messages)

    async def finish(self) -> None:
        await self.handler.finish()


@dataclass
class World(ServiceWorld):
    """A publisher and the Sentinel that it publishes to."""

    store: PackedStore
    sentinel: SentinelSimulator
    clock: TurnedClock
    environ: dict[str, str]
    attempts: Attempts | None = None
    timeout: httpx.Timeout = field(default_factory=lambda: TIMEOUT)
    outbox: Outbox = field(default_factory=Outbox)
    connections: list[Destinations] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine = MachineClock(self.clock)

    @property
    def versions(self) -> PublishedVersions:
        return PublishedVersions(self.store.container("published"), self.clock)

    @property
    def checkpoints(self) -> DestinationCheckpoints:
        return destination_checkpoints(self.store.container("checkpoints"))

    async def checkpoint(self, id: str = CONTOSO) -> DestinationCheckpoint:
        return (await self.checkpoints.load(id, DestinationCheckpoint())).value

    def publisher(
        self, *, around: Callable[[Uploading], Uploading] = lambda uploader: uploader, **options: Any
    ) -> Publisher:
        """Return the handler of a new process, with something around its uploaders.

        It waits for no requests of others unless `takeover` says so: what two do at once is tried here.
        """
        rng = random.Random(1)
        check = ClockCheck(self.machine)
        destinations = Destinations(
            ReferenceResolver(environ=self.environ, clock=self.clock),
            self.machine,
            rng,
            timeout=self.timeout,
            attempts=self.attempts,
            check=check,
        )
        self.connections.append(destinations)
        parts: dict[str, Any] = {
            "versions": PublishedVersions(self.store.container("published"), CorrectedClock(self.machine, check)),
            "checkpoints": self.checkpoints,
            "connect": lambda described: around(destinations.connect(described)),
            "sender": self.outbox,
            "takeover": timedelta(),
            **options,
        }
        parts = {"registry": self.registry, **parts}
        return Publisher(publish_handler(to="publisher", clock=self.machine, rng=rng, check=check, **parts))

    def faults(self, *rules: SentinelFault) -> None:
        for rule in rules:
            self.sentinel.faults.add(rule)

    def holds(self, id: str = CONTOSO) -> set[str]:
        """Return the hashes that a workspace holds."""
        return {observable.value for observable in self.sentinel.workspaces[id].observables()}

    def count(self, name: str, id: str = CONTOSO) -> int:
        return self.sentinel.workspaces[id].counts[name]


@asynccontextmanager
async def world(folder: Path, settings: SentinelSettings | None = None, **fields: Any) -> AsyncIterator[World]:
    """Open a world. `fields` go to the destinations."""
    clock = TurnedClock()
    app = App(
        azure_tenant_id=DIRECTORY, client_id=APP_ID, client_secret=SecretStr(SECRET), workspaces=(CONTOSO, FABRIKAM)
    )
    specs = [WorkspaceSpec(id=CONTOSO), WorkspaceSpec(id=FABRIKAM)]
    async with SentinelSimulator(specs, [app], settings, now=clock.now) as sentinel:
        store = store_in(folder, "publisher", clock)
        there = World(
            store=store,
            registry=registry(sentinel.base_url, **fields),
            sentinel=sentinel,
            clock=clock,
            environ={"APP_SECRET": SECRET},
        )
        try:
            yield there
        finally:
            for destinations in there.connections:
                await destinations.close()
            await store.close()


async def run_until_settled(
    there: World, handler: Publisher, messages: Sequence[Received], rounds: int = 20
) -> dict[str, Outcome]:
    """Do what a host does: hand over, bring parked copies back when they are due; return the last outcomes by id."""
    last: dict[str, Outcome] = {}
    waiting = list(messages)
    for _ in range(rounds):
        if not waiting:
            break
        outcomes = await handler(waiting)
        parked = []
        for one, outcome in zip(waiting, outcomes, strict=True):
            root = one.message_id.partition("~p")[0]
            last[root] = outcome
            if isinstance(outcome, Park):
                count = int(one.properties.get(PARKS, 0)) + 1
                parked.append((outcome.delay, replace(one, properties={**one.properties, PARKS: count})))
        if parked:
            there.clock.turn(seconds=max(delay for delay, _ in parked).total_seconds())
        waiting = [copy for _, copy in parked]
    return last


def completed(outcomes: Iterable[Outcome]) -> bool:
    return all(isinstance(outcome, Complete) for outcome in outcomes)


def reasons(outcomes: Iterable[Outcome]) -> list[str]:
    return [outcome.reason if isinstance(outcome, DeadLetter) else type(outcome).__name__ for outcome in outcomes]


__all__ = [
    "APP_ID", "CONTOSO", "CUSTOMER", "DIRECTORY", "FABRIKAM", "GRID", "NOW", "OTHER_CUSTOMER", "SECRET",
    "MachineClock", "Outbox", "Publisher", "TurnedClock", "World", "completed", "destination", "hash_of",
    "indicator", "message", "messages_of", "reasons", "received", "refuse", "registry", "run_until_settled",
    "world",
]  # fmt: skip
