"""The publisher, opened for a function app."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from mti.common.clock_check import ClockCheck, CorrectedClock
from mti.common.hosting import Settler
from mti.common.ports.clock import SystemClock
from mti.common.schema import require_current
from mti.functions.service import Service, open_service_parts, pauses_in
from mti.publisher.composition import PublisherSettings, open_publisher
from mti.publisher.records import CHECKPOINTS, PUBLISHED, destination_checkpoints


@asynccontextmanager
async def open_service() -> AsyncIterator[Service]:
    """Open the service, by the app settings.

    Raises:
        ConfigurationError: the settings or the tenants are wrong, or the store is of an earlier release.
        Unavailable: what it needs does not answer.
    """
    settings = PublisherSettings.from_environment()
    topology, clock, rng = settings.topology, SystemClock(), random.SystemRandom()
    check = ClockCheck(clock, timedelta(seconds=settings.clock_skew_seconds))
    entity = topology.indicators
    async with open_service_parts("publisher", settings, settings, settings) as parts:
        await require_current(parts.store, "publisher", [PUBLISHED], writing=True)
        sender = parts.bus.sender(entity)
        checkpoints = destination_checkpoints(parts.store.container(CHECKPOINTS))

        async with open_publisher(
            parts.registry,
            parts.store,
            parts.secrets,
            sender,
            entity.to,
            clock,
            rng,
            check=check,
            run_started=settings.run_started,
            tenant_pause=timedelta(seconds=settings.publisher_tenant_pause_seconds),
        ) as handler:
            yield Service(
                entity=entity,
                handler=handler,
                settler=Settler(sender, entity.to, CorrectedClock(clock, check), rng),
                aside=parts.bus.sender(topology.set_aside),
                clock=clock,
                registry=parts.registry,
                pauses=pauses_in(checkpoints.all),
            )
