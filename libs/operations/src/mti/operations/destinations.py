"""One destination: each indicator that its sources have made against what the workspace holds."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mti.common.contracts import timestamp
from mti.common.ports.clock import Clock
from mti.common.ports.store import Store
from mti.common.registry import Destination, Registry, Route
from mti.normalizer.indicators import Observable, indicator_id, reason_of_file
from mti.normalizer.records import KNOWN, UNTOUCHED, KnownIndicator, KnownIndicators, shards_of
from mti.operations.books import DestinationBooks
from mti.operations.merging import merge
from mti.publisher.records import PUBLISHED, SHARDS, Published, PublishedVersions

LOOKED_UP = 500
"""Ids that are looked up at a time."""


@dataclass(frozen=True, slots=True)
class Made:
    """What one routed source has made of an observable, in the version that this workspace's policy had last."""

    source: str
    entry: KnownIndicator
    allowed: bool
    """Whether the policy lets it be sent here today."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An indicator that a workspace neither holds nor refused; or one that is to be revoked there, and is not yet."""

    version: str
    valid_until: datetime
    observable: Observable | None = None
    sources: tuple[str, ...] = ()
    """Those that want it there."""
    revocation: bool = False


class DestinationAudit:
    """Compares what the normalizer knows with what the publisher delivered."""

    def __init__(self, registry: Registry, normalizer: Store, publisher: Store, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._known = KnownIndicators(normalizer.container(KNOWN), clock)
        self._published = PublishedVersions(publisher.container(PUBLISHED), clock)

    async def of(self, destination: Destination) -> tuple[DestinationBooks, dict[str, Undelivered]]:
        """Return the books of a destination, and what it neither holds nor refused, by the observables' own ids."""
        routes = {route.source: route for route in self._registry.routes_to(destination.id)}
        books = DestinationBooks(destination=destination.id, tenants=list(destination.tenants))
        refused: Counter[str] = Counter()
        undelivered: dict[str, Undelivered] = {}
        now = self._clock.now()
        streams = [self._held(destination.id), *(self._made(route) for route in routes.values())]
        async for id, sides in merge(streams):
            held = sides.pop(0, None)
            made = [entry for entry in sides.values() if isinstance(entry, Made)]
            published = held if isinstance(held, Published) else Published()
            if _is_to_be_revoked(published, now):
                undelivered[id] = _revocation(published)
            if not made:
                _enter_unmade(books, published, routes, now)
                continue
            if not published.alive and not any(each.allowed for each in made):
                continue
            books.expected += 1
            books.doubled += any(indicator_id(each.entry.observable) != id for each in made)
            missing = await self._missing(books, refused, published, made)
            if missing is not None:
                undelivered[id] = missing
        books.refused = dict(sorted(refused.items()))
        return books, undelivered

    async def enter_missing(self, books: DestinationBooks, missing: Mapping[str, Undelivered]) -> None:
        """Enter what is nowhere on the bus: delivered in between, withdrawn, no longer valid, or lost."""
        ids = sorted(missing)
        now = self._clock.now()
        for start in range(0, len(ids), LOOKED_UP):
            part = ids[start : start + LOOKED_UP]
            held = await self._published.look_up(books.destination, part)
            rejected = await self._rejected([missing[id] for id in part])
            for id in part:
                known = held.get(id, Published())
                if missing[id].revocation:
                    books.unrevoked += _is_to_be_revoked(known, now)
                    continue
                withdrawn = all(
                    known.is_withdrawn_from(source) or missing[id].observable in rejected.get(source, ())
                    for source in missing[id].sources
                )
                _enter(books, missing[id], known, now, withdrawn=withdrawn)

    async def _missing(
        self, books: DestinationBooks, refused: Counter[str], published: Published, made: Sequence[Made]
    ) -> Undelivered | None:
        """Enter what became of an indicator that was made; return it when it was neither taken nor refused."""
        if not published.alive:
            made = [each for each in made if each.allowed]
        if published.is_withdrawn or published.lifted is not None:
            made = await self._wanted_again(published, made)
        if not published.alive and (
            not made or (published.revoked and not published.is_withdrawn and published.lifted is None)
        ):
            books.accepted += published.revoked
            books.withdrawn += 1
            return None
        version = max((each.entry.version for each in made), default=None)
        if published.alive and not published.unsure and (version is None or published.settles(version)):
            books.accepted += 1
        elif version is not None and published.refused and published.refused.version >= version:
            refused[published.refused.reason] += 1
        elif version is not None:
            lasting = max(each.entry.valid_until for each in made)
            sources = tuple(each.source for each in made)
            return Undelivered(timestamp(version), lasting, made[0].entry.observable, sources)
        return None

    async def _wanted_again(self, published: Published, made: Sequence[Made]) -> list[Made]:
        """Return what is wanted though something was withdrawn here: what a source has made that is not withdrawn; of a
        withdrawal that was lifted only what was seen since.
        """
        wanted: list[Made] = []
        for each in made:
            if published.is_withdrawn_from(each.source):
                continue
            observable = each.entry.observable
            standings = await self._known.withdrawals.look_up(each.source, [observable])
            standing = standings.get(observable, UNTOUCHED)
            if not standing.withdrawn and standing.generation <= each.entry.generation:
                wanted.append(each)
        return wanted

    async def _rejected(self, missing: Sequence[Undelivered]) -> dict[str, set[Observable | None]]:
        """Return, by source, what its sightings of are rejected, so that no workspace is to get it from there."""
        wanting: dict[str, set[Observable]] = {}
        for each in missing:
            if each.observable is not None:
                for source in each.sources:
                    wanting.setdefault(source, set()).add(each.observable)
        rejected: dict[str, set[Observable | None]] = {}
        for source, observables in wanting.items():
            standings = await self._known.withdrawals.look_up(source, observables)
            rejected[source] = {observable for observable, standing in standings.items() if standing.withdrawn}
        return rejected

    async def _held(self, destination: str) -> AsyncIterator[tuple[str, Published | Made]]:
        for shard in SHARDS:
            async for id, published in self._published.scan(destination, shard):
                yield id, published

    async def _made(self, route: Route) -> AsyncIterator[tuple[str, Published | Made]]:
        for shard in shards_of(route.source):
            async for entry in self._known.scan(route.source, shard):
                allowed = reason_of_file(entry.observable, entry.facts.siblings, route.policy) is None
                yield entry.id, Made(route.source, entry.due_under(route.policy.validity), allowed)


def _has_ended(published: Published, now: datetime) -> bool:
    return published.valid_until is not None and published.valid_until <= now


def _is_to_be_revoked(published: Published, now: datetime) -> bool:
    """Say whether a person withdrew what a workspace holds, from everyone who ever backed it there: what somebody
    backs who is not routed any more, nobody withdrew.
    """
    if published.revoked and published.unsure:
        return True  # somebody may have uploaded it over the revocation
    withdrawn = published.alive and published.is_withdrawn and not _has_ended(published, now)
    return withdrawn and not published.is_backed(published.sources, now)


def _revocation(published: Published) -> Undelivered:
    assert published.version is not None  # noqa: S101  it was held
    until = published.valid_until or published.version
    return Undelivered(timestamp(published.version), until, revocation=True)


def _enter_unmade(books: DestinationBooks, published: Published, routed: Mapping[str, Route], now: datetime) -> None:
    """Enter what no routed source is known to have made, though the workspace holds it."""
    if not published.alive or _is_to_be_revoked(published, now):
        return
    if published.source in routed or published.is_backed(routed, now):
        books.unexpected += 1
    elif not _has_ended(published, now):
        books.left_behind += 1


def _enter(books: DestinationBooks, missing: Undelivered, held: Published, now: datetime, *, withdrawn: bool) -> None:
    version = datetime.fromisoformat(missing.version)
    if held.alive and not held.unsure and held.settles(version):
        books.accepted += 1
    elif held.refused is not None and held.refused.version >= version:
        books.refused[held.refused.reason] = books.refused.get(held.refused.reason, 0) + 1
    elif withdrawn:
        books.withdrawn += 1
        books.accepted += held.revoked
    elif missing.valid_until <= now:
        books.expired += 1
    else:
        books.lost += 1
