"""Two tenants and the grid of their region, normalized for real into a store on disk; the clock stands still."""

import hashlib
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from mti.common.adapters.packed import PackedStore
from mti.common.contracts import PageChunk, page_message
from mti.common.contracts.envelope import REFUSAL
from mti.common.ports.bus import Outgoing, PropertyValue, Received, Sender
from mti.common.ports.store import Container, Document, Key
from mti.common.registry import Feed, FeedFormat, IndicatorPolicy, NamePolicy, Registry, Tlp
from mti.normalizer.emitting import Emitter
from mti.normalizer.handler import NormalizeHandler
from mti.normalizer.records import KnownIndicator, KnownIndicators, Ledger, Offsets, shards_of
from tests.support import service_world
from tests.support.service_world import (
    CONTOSO,
    CUSTOMER,
    FABRIKAM,
    GRID,
    NOW,
    ServiceWorld,
    received,
    registry_of,
    route,
    source,
    store_in,
)

UNROUTED = "northwind/malware_customer"
MSSP = "00000000-0000-0000-0000-00000000000c"
DEFAULT = IndicatorPolicy()
STRICT = IndicatorPolicy(confidence=50, tlp=Tlp.RED, names=NamePolicy.REDACT, validity=timedelta(days=10))
HEADER = [
    "Timestamp", "SHA256", "MD5", "FileName", "FileSize", "FileMimeType", "SendingIP", "RecipientAddress",
    "SenderAddress", "SenderDomain",
]  # fmt: skip


def sha256(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def md5(name: str) -> str:
    return hashlib.md5(name.encode()).hexdigest()


def at(**after: float) -> datetime:
    return NOW + timedelta(**after)


def stix(
    file: str = "a file", time: datetime = NOW, *, name: str | None = "Invoice.pdf", pattern: str | None = None
) -> list[Any]:
    """Return a detection as Mimecast sends it in its STIX form, under ids of its own."""
    stamp = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    seed = f"{file}/{stamp}/{name}"
    indicator, malware, relation = (
        f"{kind}--{uuid5(NAMESPACE_URL, kind + seed)}" for kind in ("indicator", "malware", "relationship")
    )
    times = {"created": stamp, "modified": stamp}
    return [
        {"type": "malware", "id": malware, **times, "labels": ["virus"], **({} if name is None else {"name": name})},
        {
            "type": "indicator",
            "id": indicator,
            **times,
            "labels": ["malicious-activity"],
            "pattern": pattern or f"[file:hashes.'SHA-256' = '{sha256(file)}']",
            "valid_from": stamp,
        },
        {
            "type": "relationship",
            "id": relation,
            **times,
            "relationship_type": "indicates",
            "source_ref": indicator,
            "target_ref": malware,
        },
    ]


def row(file: str = "a file", time: datetime = NOW, **cells: Any) -> list[Any]:
    """Return a detection as a row under `HEADER`; `cells` replace those of that name."""
    whole: dict[str, str | None] = {
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%S+0000"),
        "SHA256": sha256(file),
        "MD5": md5(file),
        "FileName": "Invoice.pdf",
        "FileSize": "1234",
        "FileMimeType": "application/pdf",
        "SendingIP": "192.0.2.7",
        "RecipientAddress": "victim@contoso.example",
        "SenderAddress": "billing@fast-invoice.example",
        "SenderDomain": "fast-invoice.example",
    }
    return [{**whole, **cells}[name] for name in HEADER]


def chunk(*records: list[Any], source: str = CUSTOMER, csv: bool = False) -> PageChunk:
    return PageChunk(
        source=source,
        feed=Feed.MALWARE_GRID if source == GRID else Feed.MALWARE_CUSTOMER,
        region="eu",
        format=FeedFormat.CSV if csv else FeedFormat.STIX,
        header=HEADER if csv else [],
        records=list(records),
    )


def message(*records: list[Any], source: str = CUSTOMER, csv: bool = False, epoch: int = 0) -> Received:
    return received(page_message(chunk(*records, source=source, csv=csv), epoch=epoch))


def replayed(part: Outgoing) -> Received:
    """Return a dead letter as it comes back when a person replays it."""
    properties: dict[str, PropertyValue] = {key: value for key, value in part.properties.items() if key != REFUSAL}
    return received(part, properties={**properties, "mti_replays": 1}, message_id=f"{part.message_id}~y1")


def content(outgoing: Outgoing) -> Any:
    return orjson.loads(zlib.decompress(outgoing.body, wbits=31))


@dataclass
class Outbox(service_world.Outbox):
    """A topic that keeps what it is sent, and says what is in it."""

    @property
    def sent(self) -> list[Outgoing]:
        """The messages."""
        return self.messages

    def objects(self, destination: str | None = None) -> list[dict[str, Any]]:
        """Return the indicators that were sent, as JSON, in order."""
        return [
            found
            for outgoing in self.sent
            if destination is None or outgoing.session_id == destination
            for found in content(outgoing)["objects"]
        ]

    def values(self, destination: str | None = None) -> set[str]:
        """Return the values of the observables that were sent."""
        return {found["pattern"].split("'")[-2] for found in self.objects(destination)}


@dataclass(frozen=True)
class StandingClock:
    """Always the same time."""

    time: datetime = NOW

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        return


class Crash(BaseException):
    """The process dies: nothing catches it."""


@dataclass
class Fuse:
    """Burns down with every call that leaves the process, and then kills it."""

    steps: int | None = None
    burnt: int = 0

    def step(self) -> None:
        self.burnt += 1
        if self.burnt == self.steps:
            raise Crash


@dataclass
class FusedSender:
    sender: Sender
    fuse: Fuse

    async def send(self, messages: Sequence[Outgoing]) -> None:
        self.fuse.step()
        if messages:
            await self.sender.send(messages[:1])
            self.fuse.step()
            await self.sender.send(messages[1:])
        self.fuse.step()


@dataclass
class FusedContainer:
    """A container on which a process may die before, after, and in the middle of a write."""

    container: Container
    fuse: Fuse

    async def read(self, partition: str, id: str) -> Document | None:
        self.fuse.step()
        return await self.container.read(partition, id)

    async def read_many(self, partition: str, ids: Sequence[str]) -> dict[str, Document]:
        return await self.container.read_many(partition, ids)

    async def read_each(self, keys: Sequence[Key]) -> dict[Key, Document]:
        return await self.container.read_each(keys)

    async def write(self, document: Document) -> Document:
        self.fuse.step()
        written = await self.container.write(document)
        self.fuse.step()
        return written

    async def write_many(self, documents: Sequence[Document]) -> list[Document | None]:
        self.fuse.step()
        first = await self.container.write_many(documents[:1])
        self.fuse.step()
        rest = await self.container.write_many(documents[1:])
        self.fuse.step()
        return [*first, *rest]

    async def delete(self, partition: str, id: str) -> None:
        await self.container.delete(partition, id)

    def scan(self, partition: str, *, after: str = "", before: str | None = None) -> AsyncIterator[Document]:
        return self.container.scan(partition, after=after, before=before)

    def partitions(self) -> AsyncIterator[str]:
        return self.container.partitions()


def registry(*, policy: IndicatorPolicy = DEFAULT, strict: IndicatorPolicy = STRICT) -> Registry:
    """Contoso's own feed goes to its workspace and the MSSP's; the grid to two tenants, one with its own policy."""
    return registry_of(
        [source(CUSTOMER), source(GRID), source(UNROUTED)],
        routes=[
            route(CUSTOMER, CONTOSO, policy=policy),
            route(CUSTOMER, MSSP, policy=policy),
            route(GRID, CONTOSO, policy=policy),
            route(GRID, FABRIKAM, "fabrikam", policy=strict),
        ],
    )


@dataclass
class World(ServiceWorld):
    """A normalizer and all that it touches."""

    store: PackedStore
    registry: Registry = field(default_factory=registry)
    indicators: Outbox = field(default_factory=Outbox)
    pages: Outbox = field(default_factory=Outbox)
    clock: StandingClock = field(default_factory=StandingClock)

    @property
    def known(self) -> KnownIndicators:
        return KnownIndicators(self.store.container("known"), self.clock)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.store.container("ledger"))

    @property
    def offsets(self) -> Offsets:
        return Offsets(self.store.container("checkpoints"))

    def normalizer(self, fuse: Fuse | None = None) -> NormalizeHandler:
        """Return a handler in a process of its own; with a fuse, one that dies."""
        burning = fuse or Fuse()
        return NormalizeHandler(
            self.registry,
            Emitter(
                KnownIndicators(FusedContainer(self.store.container("known"), burning), self.clock),
                FusedSender(self.indicators, burning),
            ),
            Ledger(FusedContainer(self.store.container("ledger"), burning)),
            Offsets(FusedContainer(self.store.container("checkpoints"), burning)),
            pages=FusedSender(self.pages, burning),
            to="normalizer",
        )

    async def everything_known(self, scope: str) -> list[KnownIndicator]:
        return [entry for shard in shards_of(scope) async for entry in self.known.scan(scope, shard)]


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    store = store_in(folder, "normalizer")
    try:
        yield World(store=store)
    finally:
        await store.close()


__all__ = [
    "CONTOSO", "CUSTOMER", "DEFAULT", "FABRIKAM", "GRID", "HEADER", "MSSP", "NOW", "STRICT", "UNROUTED", "Crash",
    "Fuse", "FusedContainer", "FusedSender", "Outbox", "StandingClock", "World", "at", "chunk", "content", "md5",
    "message", "received", "registry", "replayed", "row", "sha256", "stix", "world",
]  # fmt: skip
