"""The publisher as a plain process: docker compose, Container Apps, the embedded run."""

import asyncio
import logging
import random
from datetime import timedelta
from typing import Final

from mti.common.adapters.servicebus import SessionConsumer
from mti.common.clock_check import ClockCheck, CorrectedClock
from mti.common.composition.parts import Parts, open_parts
from mti.common.hosting import Settler
from mti.common.hosting.starting import patiently
from mti.common.logs import configure
from mti.common.ports.clock import Clock, SystemClock
from mti.common.schema import require_current
from mti.common.telemetry import running
from mti.publisher.configuration import PublisherSettings
from mti.publisher.destinations import Destinations
from mti.publisher.handler import PublishHandler
from mti.publisher.records import checkpoint, versions
from mti.publisher.records.versions import PublishedVersions
from mti.publisher.records.waits import Waits

log = logging.getLogger(__name__)

GATHER: Final = 256 * 1024
"""Bytes of bodies that a call of the handler brings together while there is a backlog: two or three thousand objects,
so that the last request, which is seldom full, is one in twenty or more."""


async def main(stop: asyncio.Event) -> None:
    """Publish until `stop` is set; settings come from the environment.

    Raises:
        ConfigurationError: the settings or the tenants file are wrong.
    """
    settings = PublisherSettings.from_environment()
    configure("publisher", settings.log_level)
    with running("publisher", settings):
        await patiently(lambda: run(settings, stop), stop)


async def run(settings: PublisherSettings, stop: asyncio.Event, *, clock: Clock | None = None) -> None:
    """Publish until `stop` is set; the batches in hand are finished first.

    Args:
        settings: of the publisher.
        stop: ends it.
        clock: the time; the machine's own when not given.
    """
    clock, rng = clock or SystemClock(), random.Random()  # noqa: S311  jitter
    check = ClockCheck(clock, timedelta(seconds=settings.clock_skew_seconds))
    async with open_parts(settings) as parts:
        await require_current(parts.store, "publisher", [versions.CONTAINER], writing=True)
        waits = Waits(parts.store.container(checkpoint.CONTAINER), clock)
        async with Destinations(parts.secrets, clock, rng, waits=waits, check=check) as destinations:
            log.info("the publisher starts", extra={"destinations": len(parts.registry.current.destinations)})
            handler = _handler(settings, parts, destinations, clock, rng, check)
            try:
                await _consumer(settings, parts, handler, clock, rng, check).run(stop)
            finally:
                await handler.finish()
            log.info("the publisher ends")


def _handler(
    settings: PublisherSettings,
    parts: Parts,
    destinations: Destinations,
    clock: Clock,
    rng: random.Random,
    check: ClockCheck,
) -> PublishHandler:
    entity = settings.topology.indicators
    return PublishHandler(
        parts.registry,
        PublishedVersions(parts.store.container(versions.CONTAINER), CorrectedClock(clock, check)),
        checkpoint.checkpoints_in(parts.store.container(checkpoint.CONTAINER)),
        destinations.connect,
        parts.bus.sender(entity),
        entity.to,
        clock,
        rng,
        run_started=settings.run_started,
        tenant_pause=timedelta(seconds=settings.publisher_tenant_pause_seconds),
        check=check,
    )


def _consumer(
    settings: PublisherSettings,
    parts: Parts,
    handler: PublishHandler,
    clock: Clock,
    rng: random.Random,
    check: ClockCheck,
) -> SessionConsumer:
    entity = settings.topology.indicators
    return SessionConsumer(
        parts.bus,
        entity,
        handler,
        Settler(parts.bus.sender(entity), entity.to, CorrectedClock(clock, check), rng),
        clock,
        slots=settings.publisher_slots,
        batch_size=settings.publisher_batch_size,
        gather=GATHER,
    )
