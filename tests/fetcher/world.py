"""A Mimecast that answers over HTTP, a SQLite store, and a bus in memory with the habits of the real one."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from mti.common.adapters.secrets import ReferenceResolver
from mti.common.contracts import FetchJob, PageChunk, decode, job_message
from mti.common.hosting import Settler, decide
from mti.common.ports.bus import Outgoing, Received
from mti.common.registry import MimecastAccount, MimecastApi, Registry
from mti.common.registry.references import parse_reference
from mti.fetcher.composition import FetchHandler, fetch_handler
from mti.fetcher.mimecast import HttpLimits, MimecastClients
from mti.fetcher.publishing import ChunkPublisher
from mti.fetcher.records.checkpoint import SourceCheckpoint
from mti.fetcher.records.checkpoints import SourceCheckpoints, checkpoints_in
from mti.fetcher.records.ledger import Ledger
from mti.fetcher.schedule import Schedule
from mti.fetcher.timetable import Run
from mti.simulators import Feed as SimulatedFeed
from mti.simulators import FeedSpec, MimecastFault, MimecastSimulator, generate
from mti.simulators.mimecast import Account, AccountV1, AccountV2, MimecastSettings
from tests.support import service_world
from tests.support.service_world import (
    CUSTOMER,
    GRID,
    NOW,
    OTHER_CUSTOMER,
    ServiceWorld,
    registry_of,
    source,
    store_in,
)

OLD_CUSTOMER = OTHER_CUSTOMER
"""The feed of a tenant that has API 1.0 only."""
CONTOSO = AccountV2(id="contoso", region="eu", client_id="contoso-id", client_secret=SecretStr("contoso-secret"))
NORTHWIND = AccountV2(id="northwind", region="eu", client_id="northwind-id", client_secret=SecretStr("north-secret"))
FABRIKAM = AccountV1(
    id="fabrikam",
    region="eu",
    app_id="fabrikam-app",
    app_key=SecretStr("fabrikam-app-key"),
    access_key="ZmFicmlrYW0gYWNjZXNzIGtleQ==",
    secret_key=SecretStr("ZmFicmlrYW0gc2VjcmV0IGtleQ=="),
    email="admin@fabrikam.example",
    password=SecretStr("pass:word"),
)
SECRETS = {
    "CONTOSO_ID": "contoso-id",
    "CONTOSO_SECRET": "contoso-secret",
    "NORTHWIND_ID": "northwind-id",
    "NORTHWIND_SECRET": "north-secret",
    "FABRIKAM_APP_ID": "fabrikam-app",
    "FABRIKAM_APP_KEY": "fabrikam-app-key",
    "FABRIKAM_ACCESS_KEY": "ZmFicmlrYW0gYWNjZXNzIGtleQ==",
    "FABRIKAM_SECRET_KEY": "ZmFicmlrYW0gc2VjcmV0IGtleQ==",
    "FABRIKAM_EMAIL": "admin@fabrikam.example",
    "FABRIKAM_PASSWORD": "pass:word",
}
QUICK = HttpLimits(connect_seconds=2, read_seconds=0.3, whole_seconds=5)


class TurnedClock(service_world.TurnedClock):
    """A clock whose time passes only when it is turned, and Mimecast's, which may be ahead of it."""

    def __init__(self, start: datetime = NOW) -> None:
        super().__init__(start)
        self.server_ahead = timedelta()

    def server_now(self) -> datetime:
        """Return Mimecast's time."""
        return self.time + self.server_ahead


class Topic:
    """A topic that keeps what it is sent, once a MessageId."""

    def __init__(self) -> None:
        self.messages: dict[str, Outgoing] = {}
        self.sends = 0

    async def send(self, messages: Sequence[Outgoing]) -> None:
        self.sends += len(messages)
        for message in messages:
            self.messages.setdefault(message.message_id, message)

    def chunks(self) -> list[PageChunk]:
        return [decode(received(message), PageChunk)[1] for message in self.messages.values()]

    def records(self) -> list[list[Any]]:
        return [record for chunk in self.chunks() for record in chunk.records]

    def indicator_ids(self) -> list[str]:
        objects = [found for record in self.records() for found in record]
        return [found["id"] for found in objects if found["type"] == "indicator"]


class Queue:
    """A queue with duplicate detection and scheduled messages, which one receiver at a time takes from."""

    def __init__(self) -> None:
        self.waiting: list[Received] = []
        self.due: dict[int, datetime] = {}
        self.seen: set[str] = set()
        self.dead: list[tuple[Received, str, str]] = []
        self._numbers = 0

    async def send(self, messages: Sequence[Outgoing]) -> None:
        for message in messages:
            if message.message_id in self.seen:
                continue
            self.seen.add(message.message_id)
            self._numbers += 1
            self.waiting.append(replace(received(message), sequence_number=self._numbers))
            self.due[self._numbers] = message.due or datetime.min.replace(tzinfo=UTC)

    def take(self) -> Received | None:
        """Return the message that is due first; it stays on the queue until it is settled."""
        return min(self.waiting, key=lambda message: self.due[message.sequence_number], default=None)

    def again(self, message: Received) -> None:
        """Hand it out once more, as after a crash."""
        self.waiting[self.waiting.index(message)] = replace(message, delivery_count=message.delivery_count + 1)

    async def complete(self, message: Received) -> None:
        self.waiting.remove(message)

    async def abandon(self, message: Received) -> None:
        self.again(message)

    async def dead_letter(self, message: Received, reason: str, description: str) -> None:
        self.waiting.remove(message)
        self.dead.append((message, reason, description))


def received(message: Outgoing) -> Received:
    """Return a message as it arrives: a queue numbers it, and nobody says when it came there."""
    return service_world.received(message, sequence_number=0, enqueued_at=None)


def job(source: str = CUSTOMER, revision: int = 0) -> Received:
    return received(job_message(source, revision))


def account(base_url: str, tenant: str = "contoso", **fields: Any) -> MimecastAccount:
    names = {
        "contoso": {"client_id": "env:CONTOSO_ID", "client_secret": "env:CONTOSO_SECRET"},
        "northwind": {"client_id": "env:NORTHWIND_ID", "client_secret": "env:NORTHWIND_SECRET"},
        "fabrikam": {
            name: f"env:FABRIKAM_{name.upper()}"
            for name in ("app_id", "app_key", "access_key", "secret_key", "email", "password")
        },
    }
    given: dict[str, Any] = {
        "api": MimecastApi.V1 if tenant == "fabrikam" else MimecastApi.V2,
        "base_url": base_url,
        "secrets": {field: parse_reference(name) for field, name in names[tenant].items()},
        **fields,
    }
    return service_world.account(tenant, **given)


def registry(base_url: str, **fields: Any) -> Registry:
    """Return two customers' own feeds and the grid that two accounts share."""
    contoso, northwind, fabrikam = (account(base_url, name, **fields) for name in ("contoso", "northwind", "fabrikam"))
    return registry_of([source(CUSTOMER, contoso), source(OLD_CUSTOMER, fabrikam), source(GRID, contoso, northwind)])


@dataclass
class World(ServiceWorld):
    """Everything around the handler."""

    clock: TurnedClock
    mimecast: MimecastSimulator
    secrets: ReferenceResolver
    environ: dict[str, str]
    clients: MimecastClients
    run: Run = field(default_factory=Run)
    topic: Topic = field(default_factory=Topic)
    queue: Queue = field(default_factory=Queue)
    compress: bool = True
    spacing: timedelta = timedelta()
    sent: int = 0
    rng: random.Random = field(default_factory=lambda: random.Random(1))

    @property
    def checkpoints(self) -> SourceCheckpoints:
        return checkpoints_in(self.store.container("checkpoints"))

    def handler(self, **parts: Any) -> FetchHandler:
        given: dict[str, Any] = {
            "registry": self.registry,
            "clients": self.clients,
            "checkpoints": self.checkpoints,
            "publisher": ChunkPublisher(self.topic, Ledger(self.store.container("ledger")), self.clock),
            "jobs": self.queue,
            "clock": self.clock,
            "rng": self.rng,
            "run": self.run,
            "compress": self.compress,
            "spacing": self.spacing,
            **parts,
        }
        return fetch_handler(**given)

    def schedule(self, **parts: Any) -> Schedule:
        given: dict[str, Any] = {
            "registry": self.registry,
            "checkpoints": self.checkpoints,
            "jobs": self.queue,
            "clock": self.clock,
            "run": self.run,
            **parts,
        }
        return Schedule(**given)

    async def checkpoint(self, source: str = CUSTOMER) -> SourceCheckpoint:
        return (await self.checkpoints.load(source, SourceCheckpoint())).value

    async def ledger(self, source: str = CUSTOMER) -> int:
        documents = [document async for document in self.store.container("ledger").scan(source)]
        return sum(int(str(document.body["detections"])) for document in documents)

    async def step(self, handler: FetchHandler | None = None) -> bool:
        """Handle the job that is due first, waiting for it; say whether there was one."""
        message = self.queue.take()
        if message is None:
            return False
        self.clock.time = max(self.clock.time, self.queue.due[message.sequence_number])
        outcomes = await decide(handler or self.handler(), [message])
        settler = Settler(self.queue, "*", self.clock, random.Random(2))
        await settler.settle(self.queue, [message], outcomes)
        return True

    async def drain(self, limit: int = 100) -> None:
        """Handle jobs until there is none left."""
        handler = self.handler()
        for _ in range(limit):
            if not await self.step(handler):
                return
        raise AssertionError("the jobs never end")

    async def fetch(self, source: str = CUSTOMER) -> SourceCheckpoint:
        """Send one job and handle all that follows from it."""
        self.sent += 1
        await self.queue.send([job_message(source, 1_000_000 + self.sent)])
        await self.drain()
        return await self.checkpoint(source)

    def truth(self, source: str = CUSTOMER) -> int:
        return len(self.mimecast.feeds[source].detections)

    def calls(self, source: str = CUSTOMER) -> list[int]:
        """Return the pages that were asked for."""
        return [call.page for call in self.mimecast.journal.calls if call.feed == source]


@asynccontextmanager
async def world(
    folder: Path,
    *faults: MimecastFault,
    spec: FeedSpec | None = None,
    limits: HttpLimits = QUICK,
    run: Run | None = None,
    compress: bool = True,
    account_fields: dict[str, Any] | None = None,
    **habits: Any,
) -> AsyncIterator[World]:
    clock = TurnedClock()
    spec = spec or FeedSpec(seed=7, detections=45, distinct=20)
    feeds = {name: SimulatedFeed(name, spec, generate(spec, NOW)) for name in (CUSTOMER, OLD_CUSTOMER, GRID)}
    settings = MimecastSettings.model_validate({"page_size": 20, **habits})
    environ = dict(SECRETS)
    store = store_in(folder, "fetcher", clock)
    secrets = ReferenceResolver(clock=clock, environ=environ, on_value=lambda _: None)
    clients = MimecastClients(secrets, clock, random.Random(3), limits)
    accounts: list[Account] = [CONTOSO, NORTHWIND, FABRIKAM]
    async with MimecastSimulator(accounts, feeds, settings, faults, now=clock.server_now) as mimecast:
        known = registry(mimecast.base_url, **(account_fields or {}))
        try:
            yield World(
                store=store,
                registry=known,
                clock=clock,
                mimecast=mimecast,
                secrets=secrets,
                environ=environ,
                clients=clients,
                run=run or Run(),
                compress=compress,
            )
        finally:
            await clients.close()
            await secrets.close()
            await store.close()


__all__ = [
    "CONTOSO", "CUSTOMER", "FABRIKAM", "GRID", "NORTHWIND", "NOW", "OLD_CUSTOMER", "QUICK", "SECRETS", "FetchJob",
    "Queue", "Topic", "TurnedClock", "World", "account", "job", "received", "registry", "world",
]  # fmt: skip
