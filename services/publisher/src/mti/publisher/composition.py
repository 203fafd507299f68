"""Builds the publisher from its ports: for a worker, for a host of functions, for a simulation.

`open_publisher` is all that a host needs. Who brings uploaders of his own puts the handler together with
`publish_handler`.
"""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

import httpx

from mti.common.clock_check import ClockCheck, CorrectedClock
from mti.common.ports.bus import Sender
from mti.common.ports.clock import Clock
from mti.common.ports.secrets import SecretResolver
from mti.common.ports.store import Store
from mti.common.registry import Destination, RegistryProvider
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
from mti.publisher.standings import Standings
from mti.publisher.unrecorded import Books, Unrecorded

__all__ = [
    "GATHER",
    "TENANT_PAUSE",
    "Destinations",
    "PublishHandler",
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
    """
    right_clock = clock if check is None else CorrectedClock(clock, check)
    books = Unrecorded(versions, right_clock)
    reader = Reader(registry, tenant_pause, rng)
    standings = Standings(checkpoints, clock, rng, run_started, check)
    sessions = SessionPublisher(reader, standings, books, connect, sender, to, right_clock, rng)
    return PublishHandler(sessions, books)


@asynccontextmanager
async def open_publisher(
    registry: RegistryProvider,
    store: Store,
    secrets: SecretResolver,
    sender: Sender,
    to: str,
    clock: Clock,
    rng: random.Random,
    *,
    check: ClockCheck,
    run_started: datetime | None = None,
    tenant_pause: timedelta = TENANT_PAUSE,
    http_timeout: httpx.Timeout = TIMEOUT,
) -> AsyncIterator[PublishHandler]:
    """Return the handler, on a store and with connections of its own.

    When the context ends, what could not be written down so far is tried once more, and the connections are closed.

    Args:
        registry: who may send what where.
        store: the publisher's.
        secrets: what the tenants file's references stand for.
        sender: to the topic that the messages came through, for refused parts.
        to: this subscription's name.
        clock: the machine's time.
        rng: the jitter.
        check: compares the machine's clock with every answer.
        run_started: when a person started this run; what was paused before is probed at once.
        tenant_pause: see `TENANT_PAUSE`.
        http_timeout: of connecting, and of each read and write of an upload.
    """
    waits = Waits(store.container(CHECKPOINTS), clock)
    async with Destinations(secrets, clock, rng, timeout=http_timeout, waits=waits, check=check) as destinations:
        handler = publish_handler(
            registry,
            PublishedVersions(store.container(PUBLISHED), CorrectedClock(clock, check)),
            destination_checkpoints(store.container(CHECKPOINTS)),
            destinations.connect,
            sender,
            to,
            clock,
            rng,
            run_started=run_started,
            tenant_pause=tenant_pause,
            check=check,
        )
        try:
            yield handler
        finally:
            await handler.finish()
