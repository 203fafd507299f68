"""Where the indicators of a chunk go: from the registry alone, whatever a message says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mti.common.contracts import Envelope, PageChunk
from mti.common.errors import Poison
from mti.common.registry import IndicatorPolicy, Registry, Source
from mti.normalizer.admission import narrowed
from mti.normalizer.parsing import Sighting


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


def source_and_scopes(registry: Registry, id: str) -> tuple[Source, list[Scope]]:
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
    return _scopes((route.policy, (route.destination,)) for route in registry.routes_from(source))


def joined(scopes: Sequence[Scope], sightings: Sequence[Sighting]) -> list[Scope]:
    """Return scopes that come to the same for these sightings as one each, in the order of their first destinations.

    Tenants with allow-lists of their own would else be a scope each, and every chunk be decided on and packed for each
    of them, though hardly any chunk holds what is on one of the lists.
    """
    if len(scopes) <= 1:
        return list(scopes)
    policies = narrowed([scope.policy for scope in scopes], sightings)
    return _scopes((policy, scope.destinations) for policy, scope in zip(policies, scopes, strict=True))


def _scopes(policies: Iterable[tuple[IndicatorPolicy, Sequence[str]]]) -> list[Scope]:
    by_policy: dict[IndicatorPolicy, dict[str, None]] = {}
    for policy, destinations in policies:
        by_policy.setdefault(policy, {}).update(dict.fromkeys(destinations))
    return [Scope(policy, tuple(destinations)) for policy, destinations in by_policy.items()]
