"""The fetcher as a plain process: docker compose, Container Apps, the embedded run."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from mti.common.composition.parts import Parts, open_parts
from mti.common.errors import Unavailable
from mti.common.hosting import Line, QueueConsumer, Settler
from mti.common.hosting.starting import patiently
from mti.common.logs import configure
from mti.common.ports.bus import Sender
from mti.common.ports.clock import Clock, SystemClock
from mti.common.telemetry import running
from mti.fetcher.configuration import FetcherSettings
from mti.fetcher.handler import FetchHandler
from mti.fetcher.mimecast import MimecastClients
from mti.fetcher.publishing import ChunkPublisher
from mti.fetcher.records import checkpoint, ledger
from mti.fetcher.schedule import Schedule
from mti.fetcher.timetable import Run

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fetcher:
    """What a host runs: the handler of a queue and the timer's work."""

    parts: Parts
    handler: FetchHandler
    schedule: Schedule
    jobs: Sender
    """To the queue `fetch-jobs`."""


async def main(stop: asyncio.Event) -> None:
    """Fetch until `stop` is set; settings come from the environment.

    Raises:
        ConfigurationError: the settings or the tenants file are wrong.
    """
    settings = FetcherSettings.from_environment()
    configure("fetcher", settings.log_level)
    with running("fetcher", settings):
        await patiently(lambda: run(settings, stop), stop)


async def run(settings: FetcherSettings, stop: asyncio.Event, *, clock: Clock | None = None) -> None:
    """Fetch until `stop` is set; the pages in hand are finished first.

    Args:
        settings: of the fetcher.
        stop: ends it.
        clock: the time; the machine's own when not given.
    """
    clock, rng = clock or SystemClock(), random.SystemRandom()
    async with opened(settings, clock, rng) as fetcher:
        entity = settings.topology.jobs
        consumer = QueueConsumer(
            fetcher.parts.bus,
            entity,
            fetcher.handler,
            Settler(fetcher.jobs, entity.to, clock, rng),
            clock,
            concurrency=settings.fetcher_concurrency,
        )
        log.info("the fetcher starts", extra={"sources": len(fetcher.parts.registry.current.sources)})
        async with asyncio.TaskGroup() as group:
            group.create_task(consumer.run(stop))
            group.create_task(keep_schedule(fetcher.schedule, settings.schedule_seconds, stop))
        log.info("the fetcher ends")


@asynccontextmanager
async def opened(settings: FetcherSettings, clock: Clock, rng: random.Random) -> AsyncIterator[Fetcher]:
    """Put the fetcher together, and take it apart when the context ends."""
    started = settings.run_started or (clock.now() if settings.until_idle else None)
    how = Run(started, settings.until_idle)
    async with open_parts(settings) as parts:
        checkpoints = checkpoint.checkpoints_in(parts.store.container(checkpoint.CONTAINER))
        topology = settings.topology
        pages, backlog = parts.bus.sender(topology.pages), Line(parts.bus, topology.pages, clock)
        jobs = parts.bus.sender(topology.jobs)
        skew = timedelta(seconds=settings.clock_skew_seconds)
        clients = MimecastClients(parts.secrets, clock, rng, settings.http_limits, clock_skew=skew)
        handler = FetchHandler(
            registry=parts.registry,
            clients=clients,
            checkpoints=checkpoints,
            publisher=ChunkPublisher(pages, ledger.Ledger(parts.store.container(ledger.CONTAINER)), clock),
            jobs=jobs,
            clock=clock,
            rng=rng,
            run=how,
            backlog=backlog,
            jobs_at_once=settings.fetcher_concurrency,
            pages_in_hand=settings.fetcher_pages_in_hand,
            compress=settings.mimecast_compress,
            spacing=settings.spacing,
        )
        try:
            yield Fetcher(parts, handler, Schedule(parts.registry, checkpoints, jobs, clock, how), jobs)
        finally:
            await backlog.close()
            await clients.close()


async def keep_schedule(schedule: Schedule, seconds: float, stop: asyncio.Event) -> None:
    """Send jobs for the sources that are due, at once and then again and again, until `stop` is set."""
    while not stop.is_set():
        try:
            await schedule.run_once()
        except Unavailable as error:
            log.warning("the schedule could not run and runs again soon", extra={"why": error.description})
        except Exception:
            log.exception("a bug: the schedule could not run and runs again soon; the jobs in hand go on")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
