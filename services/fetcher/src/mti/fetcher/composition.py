"""Builds the fetcher from its ports: for a worker, for a host of functions, for a simulation.

A host calls the handler with what comes from the queue `fetch-jobs`, and has the schedule run every minute.
"""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx

from mti.common.ports.bus import Sender
from mti.common.ports.clock import Clock
from mti.common.ports.secrets import SecretResolver
from mti.common.ports.store import Store
from mti.common.registry import MimecastAccount, RegistryProvider
from mti.fetcher.claims import RENEW_EVERY, Claims
from mti.fetcher.configuration import FetcherSettings
from mti.fetcher.fetchable import FetchableSources
from mti.fetcher.handler import FetchHandler
from mti.fetcher.mimecast import MimecastClients
from mti.fetcher.pacing import Backlog, NoBacklog
from mti.fetcher.pages import Pages
from mti.fetcher.publishing import ChunkPublisher
from mti.fetcher.records import CHECKPOINTS, FETCHED, Ledger, SourceCheckpoints, source_checkpoints
from mti.fetcher.schedule import Schedule, keep_schedule
from mti.fetcher.silence import Silences
from mti.fetcher.timetable import Run

__all__ = [
    "FetchHandler",
    "Fetcher",
    "FetcherSettings",
    "Ports",
    "Schedule",
    "fetch_handler",
    "keep_schedule",
    "open_fetcher",
    "prove",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What stands around a fetcher."""

    registry: RegistryProvider
    """The sources; those of paused tenants are left alone."""
    store: Store
    """The fetcher's own: checkpoints and ledger."""
    secrets: SecretResolver
    """What the references of the Mimecast accounts stand for."""
    jobs: Sender
    """To the queue `fetch-jobs`."""
    pages: Sender
    """To the topic `raw-pages`."""
    backlog: Backlog
    """The line of chunks that wait in `raw-pages`."""
    clock: Clock
    rng: random.Random
    mimecast: httpx.AsyncBaseTransport | None = None
    """How requests travel; `None` is over the network."""


@dataclass(frozen=True, slots=True)
class Fetcher:
    """What a host runs: the handler of a queue, and a timer's work."""

    handler: FetchHandler
    schedule: Schedule


@asynccontextmanager
async def open_fetcher(ports: Ports, settings: FetcherSettings) -> AsyncIterator[Fetcher]:
    """Put the fetcher together; when the context ends its connections to Mimecast are closed.

    Args:
        ports: what stands around it; whoever gives them closes them.
        settings: of the fetcher. Where the bus, the store and the tenants are is not asked of them.
    """
    clock, rng = ports.clock, ports.rng
    run = Run(settings.run_started or (clock.now() if settings.until_idle else None), settings.until_idle)
    checkpoints = source_checkpoints(ports.store.container(CHECKPOINTS))
    skew = timedelta(seconds=settings.clock_skew_seconds)
    clients = MimecastClients(ports.secrets, clock, rng, settings.http_limits, ports.mimecast, skew)
    handler = fetch_handler(
        registry=ports.registry,
        clients=clients,
        checkpoints=checkpoints,
        publisher=ChunkPublisher(ports.pages, Ledger(ports.store.container(FETCHED)), clock),
        jobs=ports.jobs,
        clock=clock,
        rng=rng,
        run=run,
        backlog=ports.backlog,
        jobs_at_once=settings.fetcher_concurrency,
        pages_in_hand=settings.fetcher_pages_in_hand,
        compress=settings.mimecast_compress,
        spacing=settings.spacing,
    )
    try:
        yield Fetcher(handler, Schedule(ports.registry, checkpoints, ports.jobs, clock, run))
    finally:
        await clients.close()


async def prove(account: MimecastAccount, secrets: SecretResolver, clock: Clock, rng: random.Random) -> bool:
    """See whether Mimecast takes an account's credentials; see `MimecastClient.prove`.

    Raises:
        Retry: there was no answer.
        Pause: the credentials can't be read, or are refused.
    """
    clients = MimecastClients(secrets, clock, rng)
    try:
        return await clients.of(account).prove()
    finally:
        await clients.close()


def fetch_handler(
    *,
    registry: RegistryProvider,
    clients: MimecastClients,
    checkpoints: SourceCheckpoints,
    publisher: ChunkPublisher,
    jobs: Sender,
    clock: Clock,
    rng: random.Random,
    run: Run,
    backlog: Backlog | None = None,
    jobs_at_once: int = 16,
    pages_in_hand: int = 2,
    compress: bool = True,
    spacing: timedelta = timedelta(),
    renew_every: float = RENEW_EVERY,
) -> FetchHandler:
    """Return the handler of the queue `fetch-jobs`.

    Args:
        registry: the sources.
        clients: of the Mimecast accounts.
        checkpoints: of the sources.
        publisher: to the topic `raw-pages`.
        jobs: to the queue itself, for the next page's job.
        clock: the time.
        rng: the jitter of pauses, and what tells claims apart.
        run: how this run goes.
        backlog: the line of chunks that wait in `raw-pages`; a source with many pages waits for it.
        jobs_at_once: how many jobs the host handles at once: silent hosts and accounts hold a part of them only.
        pages_in_hand: pages that may be unpacked at the same time; it bounds the memory, whatever the concurrency.
        compress: whether Mimecast is asked for archives.
        spacing: from one call of a source to the next one, at least: each is an entry in the customer's audit log.
        renew_every: seconds between two renewals of a claim.
    """
    return FetchHandler(
        FetchableSources(registry, checkpoints),
        Claims(checkpoints, clock, rng, run, renew_every),
        Pages(clients, Silences(jobs_at_once, clock, rng), publisher, in_hand=pages_in_hand, compress=compress),
        backlog or NoBacklog(),
        jobs,
        clock=clock,
        rng=rng,
        run=run,
        spacing=spacing,
    )
