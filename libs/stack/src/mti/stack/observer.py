"""Looking at a running stack: its checkpoints first, then the counts of the bus, and now and then its books."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mti.common.pauses import PauseState
from mti.common.ports.store import Store
from mti.common.topology import STANDARD, Entity
from mti.fetcher.records import SourceCheckpoint, source_checkpoints
from mti.operations.stores import SERVICES
from mti.operations.totals import Totals
from mti.publisher.records import (
    TENANT_PAUSED,
    DestinationCheckpoint,
    Waiting,
    WaitReason,
    destination_checkpoints,
    waitings_in,
)
from mti.stack.idle import TRANSIENT, EntityCounts, Snapshot
from mti.stack.stack import EmbeddedStack


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Who waits for what."""

    who: str
    what: str
    """A thing in words, or the reason code of a pause."""
    until: datetime | None
    """`None` where only a person ends it."""
    paused: bool = False
    """Whether it was found at fault; it is asked again at that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What is worth showing of one moment."""

    sources: int
    sources_covered: int
    paused_sources: int
    paused_destinations: int
    fetched: int
    """Detections that were published."""
    normalized: int
    """Detections that were handled."""
    new: int
    """Indicators that were new."""
    suppressed: int
    accepted: int
    """Objects that Sentinel accepted."""
    requests: int
    throttled: int
    waiting_jobs: int
    waiting_pages: int
    waiting_batches: int
    dead_letters: int
    waits: Sequence[Wait] = ()


class Observer:
    """Reads what the services write, without getting in their way."""

    def __init__(self, stack: EmbeddedStack) -> None:
        self._stack = stack
        self._stores: dict[str, Store] = {}
        self._sources: dict[str, SourceCheckpoint] = {}
        self._destinations: dict[str, DestinationCheckpoint] = {}
        self._waiting: dict[str, Waiting] = {}
        self._totals = Totals()
        self._totals_due = 0.0

    async def snapshot(self) -> Snapshot:
        """Look at the checkpoints, then at the bus: in this order a zero may be believed."""
        self._open()
        if "fetcher" in self._stores:
            checkpoints = self._stores["fetcher"].container("checkpoints")
            self._sources = {key: value async for key, value in source_checkpoints(checkpoints).all()}
        if "publisher" in self._stores:
            checkpoints = self._stores["publisher"].container("checkpoints")
            self._destinations = {key: value async for key, value in destination_checkpoints(checkpoints).all()}
            self._waiting = {key: value async for key, value in waitings_in(checkpoints).all()}
        return self._snapshot(await self._stack.bus.counts())

    async def overview(self, snapshot: Snapshot) -> Overview:
        """Sum up what is to be shown. The books are summed at most once a second, less often when that takes long."""
        if {"fetcher", "normalizer"} <= self._stores.keys() and time.monotonic() >= self._totals_due:
            began = time.monotonic()
            self._totals = await Totals.of(self._stores["fetcher"], self._stores["normalizer"])
            self._totals_due = time.monotonic() + max(1.0, 10 * (time.monotonic() - began))
        counts = [checkpoint.counts for checkpoint in self._destinations.values()]
        registry = self._stack.options.registry.current
        uncovered = set(snapshot.uncovered)
        paused = {
            name for name, source in registry.sources.items() if source.paused or self._paused(self._source(name).pause)
        }
        return Overview(
            sources=len(registry.sources),
            sources_covered=len(registry.sources) - len(uncovered | paused),
            paused_sources=len(paused),
            paused_destinations=len(snapshot.paused_destinations),
            fetched=self._totals.fetched,
            normalized=self._totals.normalized,
            new=self._totals.new,
            suppressed=self._totals.suppressed,
            accepted=sum(each.accepted for each in counts),
            requests=sum(each.requests for each in counts),
            throttled=sum(each.throttled for each in counts),
            waiting_jobs=_live(snapshot, STANDARD.jobs),
            waiting_pages=_live(snapshot, STANDARD.pages),
            waiting_batches=_live(snapshot, STANDARD.indicators),
            dead_letters=sum(entity.dead_letter for entity in snapshot.entities.values()),
            waits=self._waits(snapshot, datetime.now(UTC)),
        )

    async def close(self) -> None:
        """Let go of the files."""
        for store in self._stores.values():
            await store.close()

    def _open(self) -> None:
        """Open the books of each service once it has made them: one that is given nothing to do makes none."""
        layout = self._stack.layout
        for service in SERVICES:
            if service not in self._stores and layout.database(service).exists():
                self._stores[service] = layout.store(service)

    def _waits(self, snapshot: Snapshot, now: datetime) -> list[Wait]:
        registry = self._stack.options.registry.current
        waits: list[Wait] = []
        for name, source in registry.sources.items():
            checkpoint = self._source(name)
            if source.paused:
                waits.append(Wait(who=f"source {name}", what="a resume of its tenant", until=None))
            elif checkpoint.pause is not None and self._paused(checkpoint.pause):
                waits.append(_behind(f"source {name}", checkpoint.pause))
            elif checkpoint.resume_at is not None and checkpoint.resume_at > now:
                waits.append(Wait(who=f"source {name}", what="Mimecast", until=checkpoint.resume_at))
        for id, destination in registry.destinations.items():
            who = f"workspace {', '.join(destination.tenants)} {id[:8]}…"
            pause = self._destinations.get(id, DestinationCheckpoint()).pause
            waiting = self._waiting.get(id)
            if pause is not None and self._paused(pause):
                waits.append(_behind(who, pause))
            elif id in snapshot.paused_destinations:
                waits.append(Wait(who=who, what="a resume of its tenant", until=None))
            elif waiting is not None and waiting.until > now:
                budget = f"its {destination.requests_per_minute} requests a minute"
                what = {
                    WaitReason.RATE_LIMIT: "Sentinel's rate limit",
                    WaitReason.BUDGET: budget,
                    WaitReason.ANSWER: "another try",
                }
                waits.append(Wait(who=who, what=what[waiting.what], until=waiting.until))
        return waits

    def _snapshot(self, entities: Mapping[str, EntityCounts]) -> Snapshot:
        registry, started = self._stack.options.registry.current, self._stack.options.run_started
        return Snapshot(
            uncovered=[
                name
                for name, source in registry.sources.items()
                if not source.paused and not self._done(self._source(name), started)
            ],
            paused_destinations={
                **{route.destination: TENANT_PAUSED for route in registry.routes if route.paused},
                **{
                    name: checkpoint.pause.reason
                    for name, checkpoint in self._destinations.items()
                    if checkpoint.pause and self._paused(checkpoint.pause)
                },
            },
            entities=entities,
        )

    def _source(self, name: str) -> SourceCheckpoint:
        return self._sources.get(name, SourceCheckpoint())

    def _done(self, checkpoint: SourceCheckpoint, started: datetime) -> bool:
        if checkpoint.is_covered(started, datetime.now(UTC)):
            return True
        pause = checkpoint.pause
        return pause is not None and self._paused(pause) and pause.reason not in TRANSIENT

    def _paused(self, pause: PauseState | None) -> bool:
        """Say whether it was found at fault in this run: an older pause is about to be probed."""
        return pause is not None and pause.is_of(datetime.now(UTC), self._stack.options.run_started)


def _behind(who: str, pause: PauseState) -> Wait:
    return Wait(who=who, what=pause.reason, until=pause.until, paused=True)


def _live(snapshot: Snapshot, entity: Entity) -> int:
    """Return how many messages wait there; what is scheduled for a subscription waits in its topic."""
    return sum(counts.live for path in {entity.name, entity.path} if (counts := snapshot.entities.get(path)))
