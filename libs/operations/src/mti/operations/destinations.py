"""One destination: each indicator that its sources have made against what the workspace holds."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mti.common.contracts import timestamp
from mti.common.ports.clock import Clock
from mti.common.ports.store import Store
from mti.common.registry import Destination, Registry
from mti.normalizer.entry import KnownIndicator
from mti.normalizer.identity import indicator_id
from mti.normalizer.known import CONTAINER as KNOWN
from mti.normalizer.known import KnownIndicators, scope_of, shards_of
from mti.normalizer.parsing import Observable
from mti.normalizer.withdrawals import UNTOUCHED
from mti.operations.books import DestinationBooks
from mti.operations.merging import merge
from mti.publisher.published import Published
from mti.publisher.versions import CONTAINER as PUBLISHED
from mti.publisher.versions import SHARDS, PublishedVersions

LOOKED_UP = 500
"""Ids that are looked up at a time."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An indicator that a workspace neither holds nor refused."""

    version: str
    valid_until: datetime
    observable: Observable
    generation: int


class DestinationAudit:
    """Compares what the normalizer knows with what the publisher delivered."""

    def __init__(self, registry: Registry, normalizer: Store, publisher: Store, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._known = KnownIndicators(normalizer.container(KNOWN), clock)
        self._published = PublishedVersions(publisher.container(PUBLISHED), clock)

    async def of(self, destination: Destination) -> tuple[DestinationBooks, dict[str, Undelivered]]:
        """Return the books of a destination, and what it neither holds nor refused, by id."""
        routes = self._registry.routes_to(destination.id)
        scopes = sorted({scope_of(route.source, route.policy_name) for route in routes})
        sources = {route.source for route in routes}
        books = DestinationBooks(destination=destination.id, tenants=list(destination.tenants))
        refused: Counter[str] = Counter()
        undelivered: dict[str, Undelivered] = {}
        streams = [self._held(destination.id), *(self._made(scope) for scope in scopes)]
        async for id, found in merge(streams):
            held = found.pop(0, None)
            made = [entry for entry in found.values() if isinstance(entry, KnownIndicator)]
            published = held if isinstance(held, Published) else None
            if not made:
                books.unexpected += bool(
                    published and published.version and not published.revoked and published.source in sources
                )
                continue
            books.expected += 1
            books.doubled += any(indicator_id(entry.observable, entry.generation) != id for entry in made)
            version = max(entry.version for entry in made)
            if published and published.settles(version):
                books.accepted += 1
                books.withdrawn += published.revoked
            elif published and published.refused and published.refused.version >= version:
                refused[published.refused.reason] += 1
            else:
                undelivered[id] = Undelivered(
                    timestamp(version), max(entry.valid_until for entry in made), made[0].observable, made[0].generation
                )
        books.refused = dict(sorted(refused.items()))
        return books, undelivered

    async def look_again(self, books: DestinationBooks, missing: Mapping[str, Undelivered]) -> None:
        """Enter what is nowhere on the bus: delivered in between, no longer valid, or lost."""
        ids = sorted(missing)
        now = self._clock.now()
        for start in range(0, len(ids), LOOKED_UP):
            part = ids[start : start + LOOKED_UP]
            held = await self._published.look_up(books.destination, part)
            spent = await self._spent(books.destination, [missing[id] for id in part])
            for id in part:
                _enter(books, missing[id], held.get(id), spent, now)

    async def _spent(self, destination: str, missing: Sequence[Undelivered]) -> set[tuple[Observable, int]]:
        """Return which of these were withdrawn, so that the workspace is not to get them any more."""
        routes = self._registry.routes_to(destination)
        spent: set[tuple[Observable, int]] = set()
        for scope in {scope_of(route.source, route.policy_name) for route in routes}:
            standings = await self._known.withdrawals.look_up(scope, {found.observable for found in missing})
            for found in missing:
                standing = standings.get(found.observable, UNTOUCHED)
                if standing.generation > found.generation or (
                    standing.withdrawn and standing.generation == found.generation
                ):
                    spent.add((found.observable, found.generation))
        return spent

    async def _held(self, destination: str) -> AsyncIterator[tuple[str, Published | KnownIndicator]]:
        for shard in SHARDS:
            async for id, published in self._published.scan(destination, shard):
                yield id, published

    async def _made(self, scope: str) -> AsyncIterator[tuple[str, Published | KnownIndicator]]:
        for shard in shards_of(scope):
            async for entry in self._known.scan(scope, shard):
                yield entry.id, entry


def _enter(
    books: DestinationBooks,
    found: Undelivered,
    held: Published | None,
    spent: set[tuple[Observable, int]],
    now: datetime,
) -> None:
    version = datetime.fromisoformat(found.version)
    if held is not None and held.settles(version):
        books.accepted += 1
        books.withdrawn += held.revoked
    elif held is not None and held.refused is not None and held.refused.version >= version:
        books.refused[held.refused.reason] = books.refused.get(held.refused.reason, 0) + 1
    elif (found.observable, found.generation) in spent:
        books.withdrawn += 1
    elif found.valid_until <= now:
        books.expired += 1
    else:
        books.lost += 1
