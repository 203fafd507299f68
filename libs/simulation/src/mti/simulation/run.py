"""One run: the tenants, the models and the services, for as long as the parameters say."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final

from mti.fetcher.records import CHECKPOINTS, SourceCheckpoint, source_checkpoints
from mti.simulation import virtual_time
from mti.simulation.bus import ModelledEntity
from mti.simulation.feeds import ModelledMimecast
from mti.simulation.freshness import Arrival, Percentiles, arrivals, buckets, percentiles
from mti.simulation.parameters import POLL, START, Parameters
from mti.simulation.services import Pipeline
from mti.simulation.workspaces import ModelledSentinel
from mti.simulation.world import Part, Tenant, registry_of, tenants

GRACE: Final = 8 * 60.0
"""Seconds before the end from which on publications are not measured, since they may not have been due yet: a poll
interval, two looks of the schedule, and a minute for the way."""


@dataclass(frozen=True, slots=True)
class Depth:
    """Of a queue or subscription, in messages."""

    peak: int
    end: int
    dead: int


@dataclass(frozen=True, slots=True)
class RunResult:
    """What was measured."""

    tenants: int
    arrivals: Sequence[Arrival]
    """Of the quiet tenants' detections, since the onset."""
    backlog_fetched: int
    objects: int
    """Accepted by all workspaces."""
    requests: int
    throttled: int
    """Of the requests."""
    depths: dict[str, Depth]
    minutes: float

    @property
    def freshness(self) -> Percentiles:
        """From publication to acceptance."""
        return percentiles([arrival.freshness for arrival in self.arrivals])

    @property
    def delay(self) -> Percentiles:
        """From when it could have been fetched to acceptance."""
        return percentiles([arrival.delay for arrival in self.arrivals])

    @property
    def missing(self) -> int:
        """Detections that had not arrived at the end."""
        return sum(not arrival.accepted for arrival in self.arrivals)

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "tenants": self.tenants,
            "measured": len(self.arrivals),
            "missing": self.missing,
            "freshness_seconds": self.freshness.document(),
            "delay_seconds": self.delay.document(),
            "delay_by_five_minutes": [{"minute": start, **found.document()} for start, found in buckets(self.arrivals)],
            "backlog_fetched": self.backlog_fetched,
            "objects_accepted": self.objects,
            "objects_a_minute": round(self.objects / self.minutes, 1),
            "requests": self.requests,
            "requests_throttled": self.throttled,
            "queues": {name: asdict(depth) for name, depth in self.depths.items()},
        }


def simulate(parameters: Parameters, *, noisy: bool) -> RunResult:
    """Simulate with or without the noisy tenants; the quiet ones and their detections are the same in both."""
    return virtual_time.run(_simulate(parameters, tenants(parameters, noisy=noisy)))


async def _simulate(parameters: Parameters, cast: Sequence[Tenant]) -> RunResult:
    clock = virtual_time.VirtualClock()
    mimecast = ModelledMimecast(cast, parameters, clock)
    sentinel = ModelledSentinel(cast, parameters, clock)
    pipeline = Pipeline(parameters, registry_of(cast), clock, mimecast, sentinel)
    await _seed(pipeline, mimecast, parameters, cast)
    stop = asyncio.Event()
    running = [asyncio.create_task(task) for task in pipeline.tasks(stop)]
    end = parameters.minutes * 60
    ended, _ = await asyncio.wait(running, timeout=end - clock.monotonic(), return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    for task in ended:
        task.result()  # nothing ends before its time but by an error
    return RunResult(
        tenants=len(cast),
        arrivals=[
            arrival
            for tenant in cast
            if tenant.part is Part.QUIET
            for arrival in arrivals(
                mimecast.published[tenant.id],
                sentinel.accepted[tenant.id],
                mimecast.windows[tenant.id],
                since=parameters.onset * 60,
                until=end - GRACE,
                end=end,
            )
        ],
        backlog_fetched=mimecast.served,
        objects=sentinel.objects,
        requests=sentinel.requests,
        throttled=sentinel.throttled,
        depths={
            entity.modelled.name: _depth(entity) for entity in (pipeline.jobs, pipeline.pages, pipeline.indicators)
        },
        minutes=parameters.minutes,
    )


async def _seed(pipeline: Pipeline, mimecast: ModelledMimecast, parameters: Parameters, cast: Sequence[Tenant]) -> None:
    """Give every source a past: fetched at some moment of the last poll interval. The backlog begins at the onset."""
    rng = random.Random(f"{parameters.seed}/past")  # noqa: S311  a simulation
    checkpoints = source_checkpoints(pipeline.fetched.container(CHECKPOINTS))
    for tenant in cast:
        ago = timedelta(seconds=rng.randrange(int(POLL.total_seconds())))
        found = SourceCheckpoint(covered_until=START - ago, next_due=START - ago + POLL)
        mimecast.windows[tenant.id].append(-ago.total_seconds())
        if tenant.part is Part.FLOOD:
            found = SourceCheckpoint(next_due=START + timedelta(minutes=parameters.onset))
        loaded = await checkpoints.load(tenant.source, SourceCheckpoint())
        await checkpoints.save(loaded.with_value(found))


def _depth(entity: ModelledEntity) -> Depth:
    return Depth(peak=entity.peak, end=entity.left, dead=len(entity.dead))
