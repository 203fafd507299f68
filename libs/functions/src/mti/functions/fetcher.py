"""The fetcher, opened for a function app."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from mti.common.hosting import QueueAge, Settler
from mti.common.ports.clock import SystemClock
from mti.fetcher.composition import FetcherSettings, Ports, open_fetcher
from mti.fetcher.records import CHECKPOINTS, source_checkpoints
from mti.functions.service import Service, open_service_parts, pauses_in

CALLS: Final = 8
"""Jobs that an instance handles at once, `maxConcurrentCalls` of host.json: silent hosts and accounts hold a part of
them only."""


@asynccontextmanager
async def open_service() -> AsyncIterator[Service]:
    """Open the service, by the app settings.

    Raises:
        ConfigurationError: the settings or the tenants are wrong.
        Unavailable: what it needs does not answer.
    """
    # Not what the environment says: how many there are at once is the platform's to say.
    settings = FetcherSettings.from_environment(fetcher_concurrency=CALLS)
    topology, clock, rng = settings.topology, SystemClock(), random.SystemRandom()
    async with open_service_parts("fetcher", settings, settings, settings) as parts:
        jobs = parts.bus.sender(topology.jobs)
        ports = Ports(
            registry=parts.registry,
            store=parts.store,
            secrets=parts.secrets,
            jobs=jobs,
            pages=parts.bus.sender(topology.pages),
            backlog=QueueAge(parts.bus, topology.pages, clock),
            clock=clock,
            rng=rng,
        )
        checkpoints = source_checkpoints(parts.store.container(CHECKPOINTS))

        async with open_fetcher(ports, settings) as fetcher:
            yield Service(
                entity=topology.jobs,
                handler=fetcher.handler,
                settler=Settler(jobs, topology.jobs.to, clock, rng),
                aside=parts.bus.sender(topology.set_aside),
                clock=clock,
                registry=parts.registry,
                pauses=pauses_in(checkpoints.all),
                schedule=fetcher.schedule,
            )
