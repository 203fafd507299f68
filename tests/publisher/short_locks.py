"""The publisher's worker with locks that run out soon, and all the time in the world for an answer.

`python -m tests.publisher.short_locks SECONDS`: how long the subscription locks a session, its `LockDuration`.
"""

import asyncio
import random
import sys
from dataclasses import replace
from datetime import timedelta

import httpx

from mti.common.composition.parts import open_parts
from mti.common.hosting import SessionConsumer, Settler
from mti.common.logs import configure
from mti.common.ports.clock import SystemClock
from mti.publisher.composition import Ports, PublisherSettings, open_publisher


async def main(seconds: float) -> None:
    settings = PublisherSettings.from_environment()
    configure("publisher", settings.log_level)
    clock, rng = SystemClock(), random.Random()
    entity = replace(settings.topology.indicators, lock=timedelta(seconds=seconds))
    async with open_parts(settings) as parts:
        ports = Ports(
            registry=parts.registry,
            store=parts.store,
            secrets=parts.secrets,
            sender=parts.bus.sender(entity),
            clock=clock,
            rng=rng,
            http_timeout=httpx.Timeout(600),
        )
        async with open_publisher(ports, settings) as publisher:
            settler = Settler(ports.sender, entity.to, clock, rng)
            consumer = SessionConsumer(parts.bus, entity, publisher.handler, settler, clock, slots=2, session_wait=5)
            await consumer.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
