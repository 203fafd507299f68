"""The publisher, opened for a function app."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mti.common.hosting import Settler
from mti.common.ports.clock import SystemClock
from mti.functions.service import Service, open_service_parts, pauses_in
from mti.publisher.composition import Ports, PublisherSettings, open_publisher
from mti.publisher.records import CHECKPOINTS, destination_checkpoints


@asynccontextmanager
async def open_service() -> AsyncIterator[Service]:
    """Open the service, by the app settings.

    Raises:
        ConfigurationError: the settings or the tenants are wrong, or the store is of an earlier release.
        Unavailable: what it needs does not answer.
    """
    settings = PublisherSettings.from_environment()
    topology, clock, rng = settings.topology, SystemClock(), random.SystemRandom()
    entity = topology.indicators
    async with open_service_parts("publisher", settings, settings, settings) as parts:
        ports = Ports(
            registry=parts.registry,
            store=parts.store,
            secrets=parts.secrets,
            sender=parts.bus.sender(entity),
            clock=clock,
            rng=rng,
        )
        checkpoints = destination_checkpoints(parts.store.container(CHECKPOINTS))

        async with open_publisher(ports, settings) as publisher:
            yield Service(
                entity=entity,
                handler=publisher.handler,
                settler=Settler(ports.sender, entity.to, publisher.clock, rng),
                aside=parts.bus.sender(topology.set_aside),
                clock=clock,
                registry=parts.registry,
                pauses=pauses_in(checkpoints.all),
            )
