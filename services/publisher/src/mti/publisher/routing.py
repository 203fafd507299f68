"""The registry, arranged for asking what may go to a workspace. Pure.

Where a message goes is its session, and what may go there is the registry's word: nothing in a body is believed about
either, so nothing of one tenant reaches another's workspace.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from mti.common.errors import Pause, Poison
from mti.common.registry import Destination, Feed, Registry, TenantStatus
from mti.common.source_id import SourceId
from mti.publisher.records import TENANT_PAUSED
from mti.publisher.sentinel.workspace import label


@dataclass(frozen=True, slots=True)
class ResolvedRoute:
    """What the registry says of a source and a destination, over all tenants that ask for it."""

    feed: Feed
    extension: timedelta
    """The least validity that is worth another row; the least of several tenants' policies."""
    paused: bool = False
    """Every tenant that asks for it is paused."""
    backers: frozenset[str] = frozenset()
    """All sources that are routed to the destination."""


class Unrouted(Poison):
    """The registry does not let the message through: the one error here that another registry may take back."""


class RoutingTable:
    """The destinations and resolved routes of a registry.

    Args:
        registry: the registry.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._backers = {
            id: frozenset(route.source for route in registry.routes_to(id)) for id in registry.destinations
        }
        self._routes: Mapping[tuple[str, str], ResolvedRoute] = _resolved(registry, self._backers)

    def destination(self, session: str) -> Destination:
        """Return the workspace that a session belongs to.

        Raises:
            Unrouted: `UnknownDestination`.
        """
        destination = self.registry.destinations.get(session) or self.registry.leaving.get(session)
        if destination is None:
            raise Unrouted(
                "UnknownDestination",
                f"workspace {session!r} is not in the tenants file; if it was removed on purpose, purge its messages, "
                "else put it back and replay them",
            )
        return destination

    def route(self, source: str, destination: Destination, *, revoked: bool) -> ResolvedRoute:
        """Return the route of what a source brings to a workspace.

        Args:
            source: the source's id.
            destination: the workspace.
            revoked: whether it brings nothing but revocations.

        Raises:
            Unrouted: `TenantRemoved` or `NotRouted`, it may not go there.
            Pause: `TenantPaused`, it has to wait.
        """
        route = self._routes.get((source, destination.id))
        if route is None and revoked:
            return _of_revocations(source, self._backers.get(destination.id, frozenset()))
        if route is None:
            raise self._unrouted(source, destination)
        if route.paused:
            raise self._pause(destination)
        return route

    def _unrouted(self, source: str, destination: Destination) -> Unrouted:
        if tenant := self.registry.removed_from(source=source, destination=destination.id):
            return Unrouted(
                "TenantRemoved",
                f"workspace {destination.id} was tenant {tenant}'s, which was removed before this was delivered; purge "
                f"it, or put the tenant back with `mti tenants resume {tenant}` and replay it",
            )
        return Unrouted(
            "NotRouted",
            f"nothing routes source {source!r} to {label(destination)}, so it is not sent there; if the route was "
            "removed on purpose, purge its messages, else put it back and replay them",
        )

    def _pause(self, destination: Destination) -> Pause:
        paused = [
            f"{tenant} (by {state.by or 'somebody'}{f': {state.why}' if state.why else ''})"
            for tenant in destination.tenants
            if (state := self.registry.states.get(tenant)) is not None and state.status is TenantStatus.PAUSED
        ]
        return Pause(
            TENANT_PAUSED,
            f"workspace {destination.id}: tenant {', '.join(paused)} is paused, and what is for it waits until"
            " `mti tenants resume`",
        )


def _resolved(registry: Registry, backers: Mapping[str, frozenset[str]]) -> Mapping[tuple[str, str], ResolvedRoute]:
    routes: dict[tuple[str, str], ResolvedRoute] = {}
    for route in registry.routes:
        key = (route.source, route.destination)
        extension = route.policy.refresh_after * route.policy.validity
        known = routes.get(key)
        routes[key] = ResolvedRoute(
            registry.sources[route.source].feed,
            min(extension, known.extension) if known else extension,
            paused=route.paused and (known is None or known.paused),
            backers=backers[route.destination],
        )
    return routes


def _of_revocations(source: str, backers: frozenset[str]) -> ResolvedRoute:
    """Return the route of revocations alone, which needs none in the registry: what is sent is what the workspace's own
    books hold, and nothing of the message. So what an edit of the tenants file left behind can be withdrawn.
    """
    return ResolvedRoute(SourceId.parse(source).feed or Feed.MALWARE_GRID, timedelta(), backers=backers)
