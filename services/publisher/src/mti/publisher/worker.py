"""The publisher as a plain process: docker compose, Container Apps, the embedded run."""

import asyncio
import logging
import random
from datetime import timedelta

from mti.common.clock_check import ClockCheck, CorrectedClock
from mti.common.composition.parts import open_parts
from mti.common.hosting import SessionConsumer, Settler
from mti.common.hosting.starting import patiently
from mti.common.logs import configure
from mti.common.ports.clock import Clock, SystemClock
from mti.common.schema import require_current
from mti.common.telemetry import running
from mti.publisher.composition import GATHER, open_publisher
from mti.publisher.configuration import PublisherSettings
from mti.publisher.records import PUBLISHED

log = logging.getLogger(__name__)


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
    entity = settings.topology.indicators
    async with open_parts(settings) as parts:
        await require_current(parts.store, "publisher", [PUBLISHED], writing=True)
        sender = parts.bus.sender(entity)
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
            log.info("the publisher starts", extra={"destinations": len(parts.registry.current.destinations)})
            consumer = SessionConsumer(
                parts.bus,
                entity,
                handler,
                Settler(sender, entity.to, CorrectedClock(clock, check), rng),
                clock,
                slots=settings.publisher_slots,
                batch_size=settings.publisher_batch_size,
                gather=GATHER,
            )
            await consumer.run(stop)
        log.info("the publisher ends")
