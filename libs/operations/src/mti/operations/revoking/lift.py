"""Lifts a withdrawal: what was withdrawn may come back, under an id that the workspace has not seen revoked.

A lift enters the books of every workspace where it holds, also of those that joined since it was withdrawn: they were
kept from it by the normalizer alone, and like the others they get it when it is seen again or backfilled.

The books come first and the normalizer's memory after them. In the other order what is seen in between would be emitted
and remembered, and be passed over where it comes. Who dies in between runs it again.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from mti.common.errors import ConfigurationError
from mti.common.ports.clock import Clock
from mti.common.registry import Registry
from mti.normalizer.indicators import Observable, indicator_id
from mti.normalizer.records import EVERYONE, KNOWN, KnownIndicators
from mti.operations.revoking.scope import Scope, sources_at, workspaces
from mti.operations.revoking.sources import observable_of
from mti.operations.stores import Stores
from mti.publisher.records import (
    CHECKPOINTS,
    PUBLISHED,
    SHARDS,
    STEP,
    Lift,
    Published,
    PublishedVersions,
    destination_checkpoints,
)

PART = 500
"""Observables that are lifted at a time."""


@dataclass(frozen=True, slots=True)
class Lifted:
    """What the next sighting of an observable will be."""

    observable: str
    generation: int
    """The highest of any workspace."""
    id: str
    """Of that generation."""
    workspaces: dict[str, str] = field(default_factory=dict)
    """The id that it will have in each workspace where it was withdrawn, or that was kept from it."""

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return {
            "observable": self.observable,
            "generation": self.generation,
            "id": self.id,
            "workspaces": dict[str, JsonValue](sorted(self.workspaces.items())),
        }


@dataclass(slots=True)
class LiftedSources:
    """What may come back of a source or a tenant."""

    observables: int = 0
    lifted: Counter[str] = field(default_factory=Counter)
    """Observables, by workspace."""

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return {"observables": self.observables, "lifted": dict[str, JsonValue](sorted(self.lifted.items()))}


class Lifting:
    """Lets an observable, or what a source or a tenant brings, come back.

    Args:
        registry: the tenants.
        stores: of the normalizer and the publisher, to be written.
        clock: the time.
    """

    def __init__(self, registry: Registry, stores: Stores, clock: Clock) -> None:
        self._registry = registry
        self._known = KnownIndicators(stores.normalizer.container(KNOWN), clock)
        self._versions = PublishedVersions(stores.publisher.container(PUBLISHED), clock)
        self._checkpoints = destination_checkpoints(stores.publisher.container(CHECKPOINTS))
        self._clock = clock

    async def observable(self, observable: Observable) -> Lifted:
        """Lift the withdrawal of an observable, for everyone and every source. Nothing is sent before it is seen again.

        Raises:
            ConfigurationError: it is not withdrawn.
            StoreUnavailable: a store does not answer, or somebody else changes it at this moment; run it again.
        """
        own, now = indicator_id(observable), self._clock.now()
        audiences = await self._known.withdrawals.audiences_of(observable)
        there: dict[str, Published] = {}
        for destination in await workspaces(self._registry, self._versions):
            held = (await self._versions.look_up(destination, [own])).get(own, Published())
            if held.is_withdrawn or held.lifted is not None or await self._is_kept_from(destination, audiences):
                there[destination] = held
        if not there and not audiences:
            raise ConfigurationError(f"{observable.value} is not withdrawn, so there is nothing to lift")
        sources = {name for held in there.values() for name in held.sources if _is_withdrawn(held, name)}
        for source in sources:
            await self._known.withdrawals.forget_known(source, [observable], now - STEP)
        generations: dict[str, int] = {}
        for destination, held in there.items():
            held = (await self._versions.record(destination, [Lift(id=own, at=now)]))[own]  # noqa: PLW2901
            generations[destination] = held.generation + held.revoked
        for audience in audiences:
            await self._known.withdrawals.lift(audience, [observable], now)
        for source in sources:
            await self._known.withdrawals.forget_known(source, [observable], now)
        generation = max(generations.values(), default=0)
        ids = {destination: indicator_id(observable, number) for destination, number in generations.items()}
        return Lifted(observable.value, generation, indicator_id(observable, generation), ids)

    async def sources(self, scope: Scope) -> LiftedSources:
        """Lift the withdrawal of all that a source or a tenant brings.

        What was withdrawn for everyone stays withdrawn.

        Raises:
            ConfigurationError: nothing is meant.
            StoreUnavailable: a store does not answer; run it again.
        """
        result, now = LiftedSources(), self._clock.now()
        targets = await scope.targets(self._registry, self._versions, self._checkpoints)
        ids: set[str] = set()
        for destination, sources in targets.items():
            for shard in SHARDS:
                part: dict[str, Published] = {}
                async for own, held in self._versions.scan(destination, shard):
                    if any(_is_withdrawn(held, name) for name in sources):
                        part[own] = held
                    if len(part) == PART:
                        await self._lift(destination, sources, part, now)
                        ids.update(part)
                        result.lifted[destination] += len(part)
                        part = {}
                if part:
                    await self._lift(destination, sources, part, now)
                    ids.update(part)
                    result.lifted[destination] += len(part)
        for source in {name for sources in targets.values() for name in sources}:
            if scope.is_all_of(source):
                kept_from = [destination for destination, sources in targets.items() if source in sources]
                ids.update(await self._lift_memory(source, kept_from, now))
        result.observables = len(ids)
        return result

    async def _lift(
        self, destination: str, sources: Collection[str], part: dict[str, Published], now: datetime
    ) -> None:
        observables = {
            source: await self._observables(
                source, {own: held for own, held in part.items() if _is_withdrawn(held, source)}
            )
            for source in sources
        }
        # Before as well, so that who dies in between leaves nothing that is taken for known.
        for source, withdrawn in observables.items():
            await self._known.withdrawals.forget_known(source, withdrawn, now - STEP)
        await self._versions.record(destination, [Lift(id=own, at=now, sources=sources) for own in part])
        for source, withdrawn in observables.items():
            await self._known.withdrawals.forget_known(source, withdrawn, now)

    async def _observables(self, source: str, withdrawn: Mapping[str, Published]) -> list[Observable]:
        """Return what entries of the books are about; what a workspace never got is known to the source alone."""
        about = {own: observable_of(held) for own, held in withdrawn.items()}
        unknown = [own for own, observable in about.items() if observable is None]
        entries = await self._known.look_up(source, unknown)
        about |= {own: entry.observable for own, entry in entries.items()}
        return [observable for observable in about.values() if observable is not None]

    async def _is_kept_from(self, destination: str, audiences: Collection[str]) -> bool:
        """Say whether a workspace gets nothing of what the normalizer rejects for these audiences."""
        if EVERYONE in audiences:
            return True
        return not (await sources_at(destination, self._registry, self._checkpoints)).isdisjoint(audiences)

    async def _lift_memory(self, source: str, destinations: Collection[str], now: datetime) -> set[str]:
        """Lift what the normalizer rejects for a source, in the books of its workspaces first; return the observables'
        own ids.
        """
        part: dict[str, Observable] = {}
        async for rejected in self._known.withdrawals.scan(source):
            if rejected.withdrawn is not None:
                part[indicator_id(rejected.observable)] = rejected.observable
        own_ids = list(part)
        for start in range(0, len(part), PART):
            ids = own_ids[start : start + PART]
            for destination in destinations:
                await self._versions.record(destination, [Lift(id=own, at=now, sources=[source]) for own in ids])
            await self._known.withdrawals.lift(source, [part[own] for own in ids], now)
        return set(part)


def _is_withdrawn(held: Published, source: str) -> bool:
    backing = held.sources.get(source)
    return backing is not None and backing.withdrawn is not None
