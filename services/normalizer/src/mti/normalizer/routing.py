"""Where the indicators of a chunk go: from the registry alone, whatever a message says."""

from dataclasses import dataclass

from mti.common.contracts import Envelope, PageChunk
from mti.common.errors import Poison
from mti.common.registry import IndicatorPolicy, Registry, Source


@dataclass(frozen=True, slots=True)
class Scope:
    """The destinations of a source that share a policy, and with it what they are sent."""

    policy: IndicatorPolicy
    destinations: tuple[str, ...]


def check_source(envelope: Envelope, chunk: PageChunk) -> None:
    """See that the body is of the source that the envelope names.

    Raises:
        Poison: `SourceMismatch`.
    """
    named = {envelope.source, f"/sources/{envelope.subject or chunk.source}"}
    if named != {f"/sources/{chunk.source}"}:
        raise Poison(
            "SourceMismatch",
            f"the envelope names {' and '.join(sorted(named))}, and the chunk in it is of {chunk.source!r}; it was not "
            "sent by this project's fetcher: find its sender, then purge it",
        )


def way_of(registry: Registry, id: str) -> tuple[Source, list[Scope]]:
    """Return a source and its scopes.

    Raises:
        Poison: `TenantRemoved`, `UnknownSource` or `NoRoute`.
    """
    source = registry.sources.get(id)
    if source is None and (tenant := registry.removed_from(source=id)) is not None:
        raise Poison(
            "TenantRemoved",
            f"the source {id!r} was tenant {tenant}'s, which was removed before this was handled; purge it, or put the "
            f"tenant back with `mti tenants resume {tenant}` and replay it",
        )
    if source is None:
        raise Poison(
            "UnknownSource",
            f"no tenant in the tenants file has the source {id!r}; if its tenant was removed on purpose, purge the "
            "messages, else put it back and replay them",
        )
    scopes = scopes_of(registry, id)
    if not scopes:
        raise Poison(
            "NoRoute",
            f"the source {id!r} is routed to no workspace; give its tenant a destination and replay",
        )
    return source, scopes


def scopes_of(registry: Registry, source: str) -> list[Scope]:
    """Return the scopes of a source, in the order of their first destinations."""
    found: dict[IndicatorPolicy, list[str]] = {}
    for route in registry.routes_from(source):
        found.setdefault(route.policy, []).append(route.destination)
    return [Scope(policy, tuple(dict.fromkeys(destinations))) for policy, destinations in found.items()]
