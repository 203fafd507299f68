"""One destination: each indicator that its sources have made against what the workspace holds."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mti.common.contracts import timestamp
from mti.common.ports.clock import Clock
from mti.common.ports.store import Store
from mti.common.registry import Destination, Registry, Route
from mti.normalizer.indicators import Observable, indicator_id, reason_of_file
from mti.normalizer.records import KNOWN, UNTOUCHED, KnownIndicators, Standing, shards_of
from mti.operations.books import DestinationBooks
from mti.operations.merging import merge
from mti.publisher.records import PUBLISHED, SHARDS, Published, PublishedVersions

LOOKED_UP = 500
"""Ids that are looked up at a time."""


@dataclass(frozen=True, slots=True)
class Made:
    """What one routed source has made of an observable, in the version that this workspace's policy had last."""

    source: str
    observable: Observable
    version: datetime
    valid_until: datetime
    generation: int
    """How often a withdrawal had been lifted when it was made."""
    allowed: bool
    """Whether the policy lets it be sent here today."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An indicator that a workspace neither holds nor refused, by those that want it there; or one that is to be
    revoked there, and is not yet: that nobody wants.
    """

    wanted: tuple[Made, ...] = ()

    @property
    def is_revocation(self) -> bool:
        """Whether it is a revocation that is missing."""
        return not self.wanted

    @property
    def version(self) -> str:
        """The newest that is wanted."""
        return timestamp(max(each.version for each in self.wanted))

    @property
    def valid_until(self) -> datetime:
        """Until when any of it is valid."""
        return max(each.valid_until for each in self.wanted)


Standings = Mapping[str, Mapping[Observable, Standing]]
"""How observables stand with sources; what nobody ever withdrew is absent."""


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
        undelivered: dict[str, Undelivered] = {}
        unsettled: list[tuple[str, Published, Sequence[Made]]] = []
        now = self._clock.now()
        streams = [self._held(destination.id), *(self._made(route) for route in routes.values())]
        async for id, sides in merge(streams):
            held = sides.pop(0, None)
            made = [entry for entry in sides.values() if isinstance(entry, Made)]
            published = held if isinstance(held, Published) else Published()
            if _is_to_be_revoked(published, now):
                undelivered[id] = Undelivered()
            if not made:
                _enter_unmade(books, published, routes, now)
                continue
            if not published.alive and not any(each.allowed for each in made):
                continue
            books.expected += 1
            books.doubled += any(indicator_id(each.observable) != id for each in made)
            if _holds(published, made):
                books.accepted += 1
                continue
            unsettled.append((id, published, made))
            if len(unsettled) == LOOKED_UP:
                undelivered |= await self._enter(books, unsettled)
                unsettled = []
        undelivered |= await self._enter(books, unsettled)
        books.refused = dict(sorted(books.refused.items()))
        return books, undelivered

    async def enter_missing(self, books: DestinationBooks, missing: Mapping[str, Undelivered]) -> None:
        """Enter what is nowhere on the bus: delivered in between, withdrawn, no longer valid, or lost."""
        ids = sorted(missing)
        now = self._clock.now()
        for start in range(0, len(ids), LOOKED_UP):
            part = ids[start : start + LOOKED_UP]
            held = await self._published.look_up(books.destination, part)
            known = {id: held.get(id, Published()) for id in part}
            books.unrevoked += sum(missing[id].is_revocation and _is_to_be_revoked(known[id], now) for id in part)
            wanted = [(id, known[id], missing[id].wanted) for id in part if not missing[id].is_revocation]
            for nowhere in (await self._enter(books, wanted)).values():
                if nowhere.valid_until <= now:
                    books.expired += 1
                else:
                    books.lost += 1

    async def _enter(
        self, books: DestinationBooks, unsettled: Sequence[tuple[str, Published, Sequence[Made]]]
    ) -> dict[str, Undelivered]:
        """Enter what became of indicators that were made; return those that were neither taken nor refused, nor
        withdrawn.
        """
        standings = await self._standings([each for _, _, made in unsettled for each in made])
        undelivered: dict[str, Undelivered] = {}
        for id, published, made in unsettled:
            wanted = tuple(each for each in made if _is_wanted(published, each, standings))
            if not _is_settled(books, published, wanted):
                undelivered[id] = Undelivered(wanted)
        return undelivered

    async def _standings(self, made: Iterable[Made]) -> Standings:
        by_source: dict[str, set[Observable]] = {}
        for each in made:
            by_source.setdefault(each.source, set()).add(each.observable)
        withdrawals = self._known.withdrawals
        return {source: await withdrawals.look_up(source, observables) for source, observables in by_source.items()}

    async def _held(self, destination: str) -> AsyncIterator[tuple[str, Published | Made]]:
        for shard in SHARDS:
            async for id, published in self._published.scan(destination, shard):
                yield id, published

    async def _made(self, route: Route) -> AsyncIterator[tuple[str, Published | Made]]:
        for shard in shards_of(route.source):
            async for entry in self._known.scan(route.source, shard):
                allowed = reason_of_file(entry.observable, entry.facts.siblings, route.policy) is None
                due = entry.due_under(route.policy)
                yield (
                    entry.id,
                    Made(route.source, due.observable, due.version, due.valid_until, due.generation, allowed),
                )


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


def _is_wanted(published: Published, made: Made, standings: Standings) -> bool:
    """Say whether a workspace is to have what a source has made: what its policy allows; not what is withdrawn; and of
    a withdrawal that was lifted only what was seen since. What the policy has come to reject is sent no more, though
    an earlier version of it may stand there until it ends.
    """
    if not made.allowed or published.is_withdrawn_from(made.source):
        return False
    standing = standings.get(made.source, {}).get(made.observable, UNTOUCHED)
    touched = published.is_withdrawn or published.lifted is not None
    return not standing.withdrawn and not (touched and standing.generation > made.generation)


def _holds(published: Published, wanted: Collection[Made]) -> bool:
    """Say whether a workspace surely has all that is wanted there."""
    return published.alive and not published.unsure and all(_covers(published, each) for each in wanted)


def _covers(published: Published, made: Made) -> bool:
    """Say whether what a workspace holds is at least what was made: that version or a newer one, or one that is valid
    for as long. Of the latter kind is what a longer validity had sent, before an edit put the workspace among those of
    a shorter one: nobody was to send it theirs.
    """
    if published.settles(made.version):
        return True
    outlasts = published.valid_until is not None and published.valid_until >= made.valid_until
    return outlasts and published.refused is None


def _is_settled(books: DestinationBooks, published: Published, wanted: Collection[Made]) -> bool:
    """Enter what became of an indicator, and say whether that has a name."""
    spent = published.revoked and not published.is_withdrawn and published.lifted is None
    refused = published.refused
    if not published.alive and (not wanted or spent):
        books.accepted += published.revoked
        books.withdrawn += 1
    elif _holds(published, wanted):
        books.accepted += 1
    elif wanted and refused is not None and all(refused.version >= each.version for each in wanted):
        books.refused[refused.reason] = books.refused.get(refused.reason, 0) + 1
    else:
        return not wanted
    return True


def _enter_unmade(books: DestinationBooks, published: Published, routed: Mapping[str, Route], now: datetime) -> None:
    """Enter what no routed source is known to have made, though the workspace holds it."""
    if not published.alive or _is_to_be_revoked(published, now):
        return
    if published.source in routed or published.is_backed(routed, now):
        books.unexpected += 1
    elif not _has_ended(published, now):
        books.left_behind += 1
