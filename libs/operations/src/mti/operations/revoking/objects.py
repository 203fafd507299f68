"""The object that withdraws an indicator: as it was, but revoked, and newer than any version of it. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from mti.common.contracts import Indicator
from mti.common.registry import IndicatorPolicy, Registry, Route
from mti.normalizer.building import build
from mti.normalizer.entry import KnownIndicator
from mti.normalizer.known import scope_of
from mti.publisher.published import Published

STEP = timedelta(milliseconds=1)
"""The precision of a STIX timestamp here."""


def revoked(
    entry: KnownIndicator, route: Route, registry: Registry, held: Published | None, now: datetime
) -> Indicator:
    """Return the object.

    Args:
        entry: what is known of it.
        route: by which it came to the workspace.
        registry: the tenants.
        held: what the workspace holds.
        now: the time.
    """
    source = registry.sources[route.source]
    policy: IndicatorPolicy = route.policy
    versions = [entry.version, *([held.version] if held is not None and held.version is not None else [])]
    modified = max([now, *(version + STEP for version in versions)])
    found = build(entry, policy, source.feed, source.region)
    return found.model_copy(update={"modified": modified, "revoked": True})


def is_spent(held: Published | None) -> bool:
    """Say whether a workspace holds the id revoked already."""
    return held is not None and held.revoked


def scopes_to(routes: Iterable[Route]) -> dict[str, Route]:
    """Return the scopes of routes to one workspace, each with a route."""
    found: dict[str, Route] = {}
    for route in routes:
        found.setdefault(scope_of(route.source, route.policy_name), route)
    return found


def giver(entries: Mapping[str, KnownIndicator], scopes: Mapping[str, Route], held: Published | None) -> str:
    """Return the scope whose version a workspace holds; the newest where that is not known."""
    if held is not None and held.source is not None:
        for scope in entries:
            if scopes[scope].source == held.source:
                return scope
    return max(entries, key=lambda scope: entries[scope].version)
