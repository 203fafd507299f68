"""Builds the publisher from its ports: for a worker, for a host of functions, for a simulation.

`open_publisher` is all that a host needs. Who brings uploaders of his own puts the handler together with
`publish_handler`.
"""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import httpx

from mti.common.clock_check import ClockCheck, CorrectedClock
from mti.common.ports.bus import Sender
from mti.common.ports.clock import Clock
from mti.common.ports.secrets import SecretResolver
from mti.common.ports.store import Store
from mti.common.registry import Destination, RegistryProvider
from mti.common.schema import require_current
from mti.publisher.configuration import PublisherSettings
from mti.publisher.destinations import Destinations
from mti.publisher.handler import PublishHandler
from mti.publisher.intake import TENANT_PAUSE, Reader
from mti.publisher.reach import probe
from mti.publisher.records import (
    CHECKPOINTS,
    PUBLISHED,
    DestinationCheckpoints,
    PublishedVersions,
    destination_checkpoints,
)
from mti.publisher.records.waits import Waits
from mti.publisher.repairing import Uploading
from mti.publisher.sentinel.client import TIMEOUT
from mti.publisher.session import SessionPublisher
from mti.publisher.standings import TAKEOVER, Standings
from mti.publisher.unrecorded import Books, Unrecorded

__all__ = [
    "GATHER",
    "TENANT_PAUSE",
    "Destinations",
    "Ports",
    "PublishHandler",
    "Publisher",
    "PublisherSettings",
    "open_publisher",
    "probe",
    "publish_handler",
]

GATHER: Final = 256 * 1024
"""Bytes of bodies that a call of the handler brings together while there is a backlog: two or three thousand objects,
so that the last request, which is seldom full, is one in twenty or more."""


def publish_handler(
    registry: RegistryProvider,
    versions: Books,
    checkpoints: DestinationCheckpoints,
    connect: Callable[[Destination], Uploading],
    sender: Sender,
    to: str,
    clock: Clock,
    rng: random.Random,
    *,
    run_started: datetime | None = None,
    tenant_pause: timedelta = TENANT_PAUSE,
    check: ClockCheck | None = None,
    takeover: timedelta = TAKEOVER,
) -> PublishHandler:
    """Return the handler of the publisher.

    Args:
        registry: who may send what where.
        versions: what the workspaces hold.
        checkpoints: of the destinations.
        connect: returns the uploader of a destination; the same each time, since its rate budget must outlive sessions.
        sender: to the topic that the messages came through, for refused parts.
        to: this subscription's name.
        clock: the machine's time.
        rng: the jitter.
        run_started: when a person started this run; what was paused before is probed at once.
        tenant_pause: see `TENANT_PAUSE`.
        check: what the servers say of the machine's clock; `None` where nobody asks.
        takeover: see `TAKEOVER`.
    """
    right_clock = clock if check is None else CorrectedClock(clock, check)
    books = Unrecorded(versions, right_clock)
    reader = Reader(registry, tenant_pause, rng)
    standings = Standings(checkpoints, clock, rng, run_started, check, takeover)
    sessions = SessionPublisher(reader, standings, books, connect, sender, to, right_clock, rng)
    return PublishHandler(sessions, books)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What stands around a publisher."""

    registry: RegistryProvider
    """Who may send what where."""
    store: Store
    """The publisher's own: books and checkpoints."""
    secrets: SecretResolver
    """What the references of the destinations stand for."""
    sender: Sender
    """To the topic `indicators`, for refused parts."""
    clock: Clock
    """The machine's time."""
    rng: random.Random
    """The jitter."""
    http_timeout: httpx.Timeout = field(default_factory=lambda: TIMEOUT)
    """Of connecting, and of each read and write of an upload."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """What a host runs: the handler of a subscription, and the time that its settler goes by."""

    handler: PublishHandler
    clock: Clock
    """The machine's time, put right by what the servers say of it."""


@asynccontextmanager
async def open_publisher(ports: Ports, settings: PublisherSettings) -> AsyncIterator[Publisher]:
    """Put the publisher together, on a store and with connections of its own.

    When the context ends, what could not be written down so far is tried once more, and the connections are closed.

    Args:
        ports: what stands around it; whoever gives them closes them.
        settings: of the publisher. Where the bus, the store and the tenants are is not asked of them.

    Raises:
        ConfigurationError: the store is of an earlier release.
        StoreUnavailable: the store does not answer.
    """
    await require_current(ports.store, "publisher", [PUBLISHED], writing=True)
    clock, rng, store = ports.clock, ports.rng, ports.store
    check = ClockCheck(clock, timedelta(seconds=settings.clock_skew_seconds))
    right_clock = CorrectedClock(clock, check)
    waits = Waits(store.container(CHECKPOINTS), clock)
    async with Destinations(
        ports.secrets,
        clock,
        rng,
        timeout=ports.http_timeout,
        waits=waits,
        check=check,
        in_flight=settings.publisher_requests_in_flight,
    ) as destinations:
        handler = publish_handler(
            ports.registry,
            PublishedVersions(store.container(PUBLISHED), right_clock),
            destination_checkpoints(store.container(CHECKPOINTS)),
            destinations.connect,
            ports.sender,
            settings.topology.indicators.to,
            clock,
            rng,
            run_started=settings.run_started,
            tenant_pause=timedelta(seconds=settings.publisher_tenant_pause_seconds),
            check=check,
            takeover=timedelta(seconds=settings.publisher_takeover_seconds),
        )
        try:
            yield Publisher(handler, right_clock)
        finally:
            await handler.finish()
