"""What surrounds each of the three services in their tests: a time, tenants, a store on disk, and a bus in memory.

The worlds of the services inherit from this one, and add what their service talks to.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mti.common.adapters.packed import PackedStore, packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.clock import Clock
from mti.common.ports.store import Store
from mti.common.registry import (
    Destination,
    Feed,
    FeedFormat,
    IndicatorPolicy,
    MimecastAccount,
    MimecastApi,
    Registry,
    Route,
    Source,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
"""When the tests of the services begin."""
CUSTOMER = "contoso/malware_customer"
OTHER_CUSTOMER = "fabrikam/malware_customer"
GRID = "grid:eu"
CONTOSO = "00000000-0000-0000-0000-00000000000a"
"""The workspace of contoso."""
FABRIKAM = "00000000-0000-0000-0000-00000000000b"
"""The workspace of fabrikam."""


class TurnedClock:
    """A clock whose time passes only in sleeps, and when it is turned.

    Attributes:
        slept: the seconds of each sleep.
    """

    def __init__(self, start: datetime = NOW) -> None:
        self.time = start
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return (self.time - NOW).total_seconds()

    async def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self.slept.append(seconds)
            self.time += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    def turn(self, **by: float) -> None:
        self.time += timedelta(**by)


@dataclass
class Outbox:
    """A queue or a topic that keeps what it is sent."""

    messages: list[Outgoing] = field(default_factory=list)

    async def send(self, messages: Sequence[Outgoing]) -> None:
        self.messages += messages


_sequence = iter(range(1, 10**9))


def received(message: Outgoing, **changes: Any) -> Received:
    """Return a message as a host hands it over, each with a sequence number of its own."""
    arrived = Received(
        body=message.body,
        message_id=message.message_id,
        to=message.to,
        subject=message.subject,
        session_id=message.session_id,
        properties=message.properties,
        sequence_number=next(_sequence),
        enqueued_at=NOW,
    )
    return replace(arrived, **changes)


def account(tenant: str = "contoso", **fields: Any) -> MimecastAccount:
    """Return an account in the grid `eu`, of API 2.0 and with STIX unless the fields say otherwise."""
    given: dict[str, Any] = {
        "tenant": tenant,
        "api": MimecastApi.V2,
        "region": "eu",
        "base_url": "https://mimecast.invalid",
        "format": FeedFormat.STIX,
        **fields,
    }
    return MimecastAccount(**given)


def source(id: str, *accounts: MimecastAccount) -> Source:
    """Return a source that is fetched with these accounts; without one, with that of the tenant whose feed it is."""
    feed = Feed.MALWARE_GRID if id.startswith("grid:") else Feed.MALWARE_CUSTOMER
    return Source(id=id, feed=feed, region="eu", accounts=accounts or (account(id.partition("/")[0]),))


def route(source: str, destination: str, tenant: str = "contoso", policy: IndicatorPolicy | None = None) -> Route:
    return Route(source=source, destination=destination, tenant=tenant, policy=policy or IndicatorPolicy())


def registry_of(
    sources: Iterable[Source], destinations: Iterable[Destination] = (), routes: Iterable[Route] = ()
) -> Registry:
    return Registry(
        sources={each.id: each for each in sources},
        destinations={each.id: each for each in destinations},
        routes=tuple(routes),
    )


def store_in(folder: Path, service: str, clock: Clock | None = None) -> PackedStore:
    """Open the store of a service, on disk; whoever opens it closes it."""
    path = folder / f"{service}.db"
    return packed(SqliteStore(path, clock=clock), clock)


@dataclass
class ServiceWorld:
    """What the worlds of all services have: the books, and who may do what."""

    store: Store
    registry: Registry
