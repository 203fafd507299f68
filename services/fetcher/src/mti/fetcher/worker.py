"""The fetcher as a plain process: docker compose, Container Apps, the embedded run."""

import asyncio
import contextlib
import logging
import random

from mti.common.composition.parts import open_parts
from mti.common.hosting import QueueAge, QueueConsumer, Settler
from mti.common.hosting.health import pulse_of
from mti.common.hosting.pulse import Pulse
from mti.common.hosting.starting import patiently
from mti.common.logs import configure
from mti.common.ports.clock import Clock, SystemClock
from mti.common.telemetry import running
from mti.fetcher.composition import Ports, keep_schedule, open_fetcher
from mti.fetcher.configuration import FetcherSettings

log = logging.getLogger(__name__)


async def main(stop: asyncio.Event) -> None:
    """Fetch until `stop` is set; settings come from the environment.

    Raises:
        ConfigurationError: the settings or the tenants file are wrong.
    """
    settings = FetcherSettings.from_environment()
    configure("fetcher", settings.log_level)
    with running("fetcher", settings):
        async with pulse_of(settings) as pulse:
            await patiently(lambda: run(settings, stop, pulse=pulse), stop)


async def run(
    settings: FetcherSettings, stop: asyncio.Event, *, clock: Clock | None = None, pulse: Pulse | None = None
) -> None:
    """Fetch until `stop` is set; the pages in hand are finished first.

    Args:
        settings: of the fetcher.
        stop: ends it.
        clock: the time; the machine's own when not given.
        pulse: is told what is in hand.
    """
    clock, rng = clock or SystemClock(), random.SystemRandom()
    topology = settings.topology
    async with contextlib.AsyncExitStack() as stack:
        parts = await stack.enter_async_context(open_parts(settings))
        jobs, backlog = parts.bus.sender(topology.jobs), QueueAge(parts.bus, topology.pages, clock)
        stack.push_async_callback(backlog.close)
        ports = Ports(
            registry=parts.registry,
            store=parts.store,
            secrets=parts.secrets,
            jobs=jobs,
            pages=parts.bus.sender(topology.pages),
            backlog=backlog,
            clock=clock,
            rng=rng,
        )
        fetcher = await stack.enter_async_context(open_fetcher(ports, settings))
        settler = Settler(jobs, topology.jobs.to, clock, rng)
        concurrency = settings.fetcher_concurrency
        consumer = QueueConsumer(
            parts.bus, topology.jobs, fetcher.handler, settler, clock, concurrency=concurrency, pulse=pulse
        )
        log.info("the fetcher starts", extra={"sources": len(parts.registry.current.sources)})
        async with asyncio.TaskGroup() as group:
            group.create_task(consumer.run(stop))
            group.create_task(keep_schedule(fetcher.schedule, settings.schedule_seconds, stop, pulse))
        log.info("the fetcher ends")
