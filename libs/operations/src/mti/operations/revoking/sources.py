"""Withdraws all that a tenant's sources, or one source, have brought, as far as nobody else still backs it."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from datetime import datetime

from mti.common.contracts import observable_in
from mti.common.contracts.indicators import OBJECTS_LIMIT
from mti.common.ports.bus import Sender
from mti.common.ports.clock import Clock
from mti.common.registry import Registry
from mti.normalizer.indicators import Observable
from mti.normalizer.records import KNOWN, KnownIndicator, KnownIndicators, shards_of
from mti.operations.revoking.results import RevokeResult
from mti.operations.revoking.revocation import giver, revocations
from mti.operations.revoking.scope import Scope
from mti.operations.stores import Stores
from mti.publisher.records import (
    CHECKPOINTS,
    PUBLISHED,
    SHARDS,
    Backing,
    Published,
    PublishedVersions,
    Withdraw,
    after,
    destination_checkpoints,
)


class RevokeSources:
    """Goes through what the sources are known to have brought, then through the books of each workspace.

    The orders come first, in the normalizer's memory and in the workspaces' books; then what no other source backs is
    sent as revoked. What it dies over is done again when it is run again; what is revoked by then is left alone.

    Args: see `RevokeObservable`.
    """

    def __init__(self, registry: Registry, stores: Stores, sender: Sender, clock: Clock) -> None:
        self._registry = registry
        self._known = KnownIndicators(stores.normalizer.container(KNOWN), clock)
        self._versions = PublishedVersions(stores.publisher.container(PUBLISHED), clock)
        self._checkpoints = destination_checkpoints(stores.publisher.container(CHECKPOINTS))
        self._sender = sender
        self._clock = clock

    async def run(self, scope: Scope, reason: str | None, *, dry_run: bool = False) -> RevokeResult:
        """Withdraw, or say what would be done.

        Raises:
            ConfigurationError: nothing is meant.
            BusUnavailable, StoreUnavailable: run it again.
        """
        result, now = RevokeResult(dry_run=dry_run), self._clock.now()
        targets = await scope.targets(self._registry, self._versions, self._checkpoints)
        withdrawn: set[str] = set()
        for source, destinations in sorted(_by_source(targets).items()):
            whole = scope.is_whole(self._registry, source, destinations)
            async for part in self._parts(source):
                withdrawn.update(entry.id for entry in part)
                if not dry_run:
                    await self._order(source, destinations, part, now, reason, whole=whole)
        for destination, sources in targets.items():
            async for held in self._books(destination, sources):
                withdrawn.update(held)
                await self._workspace(scope, destination, sources, held, result, now, reason)
        result.observables = len(withdrawn)
        return result

    async def _parts(self, source: str) -> AsyncIterator[list[KnownIndicator]]:
        for shard in shards_of(source):
            part: list[KnownIndicator] = []
            async for entry in self._known.scan(source, shard):
                part.append(entry)
                if len(part) == OBJECTS_LIMIT:
                    yield part
                    part = []
            if part:
                yield part

    async def _order(
        self,
        source: str,
        destinations: Iterable[str],
        part: Collection[KnownIndicator],
        now: datetime,
        reason: str | None,
        *,
        whole: bool,
    ) -> None:
        """Enter the order where a source's indicators are known, whether a workspace has them yet or not."""
        if whole:
            await self._known.withdrawals.withdraw(source, [entry.observable for entry in part], now, reason)
        orders = [
            Withdraw(
                id=entry.id,
                at=now,
                sources={source: Backing(version=entry.version, valid_until=entry.valid_until)},
            )
            for entry in part
        ]
        for destination in destinations:
            await self._versions.record(destination, orders)

    async def _books(self, destination: str, sources: Collection[str]) -> AsyncIterator[dict[str, Published]]:
        """Yield what a workspace's books have of any of the sources, some at a time, by the observables' own ids."""
        books: dict[str, Published] = {}
        for shard in SHARDS:
            async for own, published in self._versions.scan(destination, shard):
                if not published.sources.keys().isdisjoint(sources):
                    books[own] = published
                if len(books) == OBJECTS_LIMIT:
                    yield books
                    books = {}
        if books:
            yield books

    async def _workspace(
        self,
        scope: Scope,
        destination: str,
        sources: Collection[str],
        books: Mapping[str, Published],
        result: RevokeResult,
        now: datetime,
        reason: str | None,
    ) -> None:
        """Enter the order for some of a workspace's indicators, and send what is to be revoked there."""
        orders = {
            own: Withdraw(
                id=own, at=now, sources={name: known for name, known in held.sources.items() if name in sources}
            )
            for own, held in books.items()
        }
        if result.dry_run:
            current = {own: after(books[own], order) for own, order in orders.items()}
        else:
            await self._remember(scope, books, sources, now, reason)
            current = await self._versions.record(destination, list(orders.values()))
        routed = {route.source for route in self._registry.routes_to(destination)}
        gone: list[tuple[str, str, Published]] = []
        for own, held in current.items():
            if held.revoked and not held.unsure:
                result.already += 1
            elif not held.alive and not held.unsure:
                continue
            elif held.is_backed(routed, now):
                result.backed += 1
            elif held.valid_until is None or held.valid_until <= now:
                result.expired += 1
            else:
                gone.append((own, giver(held, orders[own].sources), held))
        if destination not in self._registry.served:
            result.unserved.update({destination: len(gone)} if gone else {})
            return
        messages = list(revocations(destination, gone, now))
        result.messages += len(messages)
        result.revoked.update({destination: len(gone)} if gone else {})
        if not result.dry_run:
            await self._sender.send(messages)

    async def _remember(
        self,
        scope: Scope,
        books: Mapping[str, Published],
        sources: Collection[str],
        now: datetime,
        reason: str | None,
    ) -> None:
        """Tell the normalizer of what only the workspace's books knew any more."""
        for source in sources:
            if scope.is_all_of(source) and (scope.source is not None or not self._registry.routes_from(source)):
                observables = [
                    observable
                    for held in books.values()
                    if source in held.sources and (observable := observable_of(held)) is not None
                ]
                await self._known.withdrawals.withdraw(source, observables, now, reason)


def observable_of(held: Published) -> Observable | None:
    """Return what an entry of the books is about; `None` where the workspace never got it."""
    about = None if held.pattern is None else observable_in(held.pattern)
    return None if about is None else Observable(*about)


def _by_source(targets: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    destinations: dict[str, list[str]] = {}
    for destination, sources in targets.items():
        for source in sources:
            destinations.setdefault(source, []).append(destination)
    return destinations
