"""The normalizer as a plain process: docker compose, Container Apps, the embedded run."""

import asyncio
import logging
import random

from mti.common.composition.parts import Parts, open_parts
from mti.common.hosting import QueueConsumer, Settler
from mti.common.hosting.health import pulse_of
from mti.common.hosting.pulse import Pulse
from mti.common.hosting.starting import patiently
from mti.common.logs import configure
from mti.common.ports.bus import Sender
from mti.common.ports.clock import Clock, SystemClock
from mti.common.schema import require_current
from mti.common.telemetry import running
from mti.normalizer.composition import NormalizeHandler, normalize_handler
from mti.normalizer.configuration import NormalizerSettings
from mti.normalizer.records import KNOWN

log = logging.getLogger(__name__)


async def main(stop: asyncio.Event) -> None:
    """Normalize until `stop` is set; settings come from the environment.

    Raises:
        ConfigurationError: the settings or the tenants file are wrong.
    """
    settings = NormalizerSettings.from_environment()
    configure("normalizer", settings.log_level)
    with running("normalizer", settings):
        async with pulse_of(settings) as pulse:
            await patiently(lambda: run(settings, stop, pulse=pulse), stop)


async def run(settings: NormalizerSettings, stop: asyncio.Event, *, pulse: Pulse | None = None) -> None:
    """Normalize until `stop` is set; the chunks in hand are finished first.

    Args:
        settings: of the normalizer.
        stop: ends it.
        pulse: is told what is in hand.
    """
    clock, rng = SystemClock(), random.Random()  # noqa: S311  jitter
    async with open_parts(settings) as parts:
        await require_current(parts.store, "normalizer", [KNOWN], writing=True)
        log.info("the normalizer starts", extra={"sources": len(parts.registry.current.sources)})
        pages = parts.bus.sender(settings.topology.pages)
        handler = _handler(settings, parts, pages, clock)
        consumer = QueueConsumer(
            parts.bus,
            settings.topology.pages,
            handler,
            Settler(pages, settings.topology.pages.to, clock, rng),
            clock,
            concurrency=settings.normalizer_concurrency,
            pulse=pulse,
        )
        await consumer.run(stop)
        await handler.close()
        log.info("the normalizer ends")


def _handler(settings: NormalizerSettings, parts: Parts, pages: Sender, clock: Clock) -> NormalizeHandler:
    return normalize_handler(
        parts.registry,
        parts.store,
        clock,
        indicators=parts.bus.sender(settings.topology.indicators),
        pages=pages,
        to=settings.topology.pages.to,
    )
