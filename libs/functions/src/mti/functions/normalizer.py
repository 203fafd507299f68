"""The normalizer, opened for a function app."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mti.common.hosting import Settler
from mti.common.pauses import PauseState
from mti.common.ports.clock import SystemClock
from mti.common.schema import require_current
from mti.functions.service import Service, open_service_parts
from mti.normalizer.composition import NormalizerSettings, normalize_handler
from mti.normalizer.records import KNOWN


@asynccontextmanager
async def open_service() -> AsyncIterator[Service]:
    """Open the service, by the app settings.

    Raises:
        ConfigurationError: the settings or the tenants are wrong, or the store is of an earlier release.
        Unavailable: what it needs does not answer.
    """
    settings = NormalizerSettings.from_environment()
    topology, clock, rng = settings.topology, SystemClock(), random.SystemRandom()
    async with open_service_parts("normalizer", settings, settings, settings) as parts:
        await require_current(parts.store, "normalizer", [KNOWN], writing=True)
        pages = parts.bus.sender(topology.pages)
        handler = normalize_handler(
            parts.registry,
            parts.store,
            clock,
            indicators=parts.bus.sender(topology.indicators),
            pages=pages,
            to=topology.pages.to,
        )

        async def pauses() -> dict[str, PauseState]:
            return {}  # it calls nobody

        yield Service(
            entity=topology.pages,
            handler=handler,
            settler=Settler(pages, topology.pages.to, clock, rng),
            aside=parts.bus.sender(topology.set_aside),
            clock=clock,
            registry=parts.registry,
            pauses=pauses,
        )
        await handler.close()
