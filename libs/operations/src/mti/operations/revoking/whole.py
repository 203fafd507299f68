"""Withdraws all that a tenant's sources, or one source, have brought, as far as nobody else still backs it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mti.common.contracts import Indicator
from mti.common.contracts.indicators import OBJECTS_LIMIT
from mti.common.errors import ConfigurationError
from mti.common.ports.bus import Sender
from mti.common.ports.clock import Clock
from mti.common.registry import Registry, Route
from mti.normalizer.emission import messages_for
from mti.normalizer.entry import KnownIndicator
from mti.normalizer.known import CONTAINER as KNOWN
from mti.normalizer.known import KnownIndicators, scope_of, shards_of
from mti.operations.reconcile import Stores
from mti.operations.revoking.objects import is_spent, revoked, scopes_to
from mti.operations.revoking.results import RevokeResult
from mti.publisher.versions import CONTAINER as PUBLISHED
from mti.publisher.versions import PublishedVersions


@dataclass(frozen=True, slots=True)
class Whose:
    """A tenant, or a source: exactly one of them."""

    tenant: str | None = None
    source: str | None = None

    def routes(self, registry: Registry) -> list[Route]:
        """Return the routes that are meant: of a shared source those on behalf of the tenant alone.

        Raises:
            ConfigurationError: there are none.
        """
        found = [
            route
            for route in registry.routes
            if route.tenant == self.tenant or (self.tenant is None and route.source == self.source)
        ]
        if not found:
            name = f"tenant {self.tenant!r}" if self.tenant is not None else f"source {self.source!r}"
            raise ConfigurationError(
                f"the tenants file has no {name} with a workspace; revoke before a tenant is removed from the file"
            )
        return found


class RevokeSources:
    """Goes through what is known, scope by scope, a message's worth at a time.

    What it dies over is done again when it is run again; what is revoked by then is left alone.

    Args: see `RevokeObservable`.
    """

    def __init__(self, registry: Registry, stores: Stores, sender: Sender, clock: Clock) -> None:
        self._registry = registry
        self._known = KnownIndicators(stores.normalizer.container(KNOWN), clock)
        self._published = PublishedVersions(stores.publisher.container(PUBLISHED), clock)
        self._sender = sender
        self._clock = clock

    async def run(self, whose: Whose, reason: str | None, *, dry_run: bool = False) -> RevokeResult:
        """Withdraw, or say what would be done.

        Raises:
            ConfigurationError: nothing is meant.
            BusUnavailable, StoreUnavailable: run it again.
        """
        result, now = RevokeResult(dry_run=dry_run), self._clock.now()
        meant = whose.routes(self._registry)
        earlier: list[str] = []
        for scope in sorted({scope_of(route.source, route.policy_name) for route in meant}):
            routes = [route for route in meant if scope_of(route.source, route.policy_name) == scope]
            async for part in self._parts(scope):
                await self._part(scope, routes, part, meant, earlier, result, now, reason)
            earlier.append(scope)
        return result

    async def _parts(self, scope: str) -> AsyncIterator[list[KnownIndicator]]:
        for shard in shards_of(scope):
            part: list[KnownIndicator] = []
            async for entry in self._known.scan(scope, shard):
                part.append(entry)
                if len(part) == OBJECTS_LIMIT:
                    yield part
                    part = []
            if part:
                yield part

    async def _part(
        self,
        scope: str,
        routes: Sequence[Route],
        part: Sequence[KnownIndicator],
        meant: Sequence[Route],
        earlier: Sequence[str],
        result: RevokeResult,
        now: datetime,
        reason: str | None,
    ) -> None:
        """Deal with some indicators of a scope: the memory first, then the workspaces."""
        gone = {entry.id: entry for entry in part}
        outgoing: dict[str, tuple[Route, list[Indicator]]] = {}
        repeated: set[str] = set()
        for route in {route.destination: route for route in routes}.values():
            backed, done = await self._others(route.destination, scope, list(gone), meant, earlier, now)
            result.backed += len(backed)
            for id in backed:
                gone.pop(id, None)
            repeated |= done
            mine = [entry for entry in part if entry.id not in backed and entry.id not in done]
            outgoing[route.destination] = (route, await self._objects(route, mine, result, now))
        result.observables += len(gone.keys() - repeated)
        whole = all(found in meant for found in self._scope_routes(scope))
        if not result.dry_run and whole:
            spent = {entry.observable: entry.generation for entry in gone.values()}
            await self._known.withdrawals.withdraw(scope, spent, now, reason)
        for destination, (route, objects) in outgoing.items():
            messages = list(messages_for(destination, route.source, objects))
            result.messages += len(messages)
            result.revoked.update({destination: len(objects)} if objects else {})
            if not result.dry_run:
                await self._sender.send(messages)

    async def _objects(
        self, route: Route, entries: Sequence[KnownIndicator], result: RevokeResult, now: datetime
    ) -> list[Indicator]:
        held = await self._published.look_up(route.destination, [entry.id for entry in entries])
        found: list[Indicator] = []
        for entry in entries:
            if is_spent(held.get(entry.id)):
                result.already += 1
            elif entry.valid_until <= now:
                result.expired += 1
            else:
                found.append(revoked(entry, route, self._registry, held.get(entry.id), now))
        return found

    async def _others(
        self,
        destination: str,
        scope: str,
        ids: Sequence[str],
        meant: Sequence[Route],
        earlier: Sequence[str],
        now: datetime,
    ) -> tuple[set[str], set[str]]:
        """Return the ids that others still back in a workspace, and those that an earlier scope has dealt with."""
        backed: set[str] = set()
        done: set[str] = set()
        remaining = [route for route in self._registry.routes_to(destination) if route not in meant]
        for other in scopes_to(remaining):
            if other == scope:
                return set(ids), set()
            found: Mapping[str, KnownIndicator] = await self._known.look_up(other, ids)
            backed |= {id for id, entry in found.items() if entry.valid_until > now}
        selected = scopes_to(route for route in meant if route.destination == destination)
        for other in earlier:
            if other in selected:
                done |= set(await self._known.look_up(other, ids))
        return backed, done - backed

    def _scope_routes(self, scope: str) -> list[Route]:
        return [route for route in self._registry.routes if scope_of(route.source, route.policy_name) == scope]
