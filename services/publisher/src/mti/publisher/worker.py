"""The publisher as a plain process: docker compose, Container Apps, the embedded run."""

import asyncio
import logging
import random

from mti.common.composition.parts import open_parts
from mti.common.hosting import SessionConsumer, Settler
from mti.common.hosting.health import pulse_of
from mti.common.hosting.pulse import Pulse
from mti.common.hosting.starting import patiently
from mti.common.logs import configure
from mti.common.ports.clock import Clock, SystemClock
from mti.common.telemetry import running
from mti.publisher.composition import GATHER, Ports, open_publisher
from mti.publisher.configuration import PublisherSettings

log = logging.getLogger(__name__)


async def main(stop: asyncio.Event) -> None:
    """Publish until `stop` is set; settings come from the environment.

    Raises:
        ConfigurationError: the settings or the tenants file are wrong.
    """
    settings = PublisherSettings.from_environment()
    configure("publisher", settings.log_level)
    with running("publisher", settings):
        async with pulse_of(settings) as pulse:
            await patiently(lambda: run(settings, stop, pulse=pulse), stop)


async def run(
    settings: PublisherSettings, stop: asyncio.Event, *, clock: Clock | None = None, pulse: Pulse | None = None
) -> None:
    """Publish until `stop` is set; the batches in hand are finished first.

    Args:
        settings: of the publisher.
        stop: ends it.
        clock: the time; the machine's own when not given.
        pulse: is told what is in hand.
    """
    clock, rng = clock or SystemClock(), random.Random()  # noqa: S311  jitter
    entity = settings.topology.indicators
    async with open_parts(settings) as parts:
        ports = Ports(
            registry=parts.registry,
            store=parts.store,
            secrets=parts.secrets,
            sender=parts.bus.sender(entity),
            clock=clock,
            rng=rng,
        )
        async with open_publisher(ports, settings) as publisher:
            log.info("the publisher starts", extra={"destinations": len(parts.registry.current.destinations)})
            consumer = SessionConsumer(
                parts.bus,
                entity,
                publisher.handler,
                Settler(ports.sender, entity.to, publisher.clock, rng),
                clock,
                slots=settings.publisher_slots,
                batch_size=settings.publisher_batch_size,
                gather=GATHER,
                gathering=publisher.handler.filling(settings.publisher_gather_seconds),
                pulse=pulse,
            )
            await consumer.run(stop)
        log.info("the publisher ends")
