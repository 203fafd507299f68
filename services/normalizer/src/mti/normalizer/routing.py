"""Where the indicators of a chunk go: from the registry alone, whatever a message says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mti.common.contracts import Envelope, PageChunk
from mti.common.errors import Poison
from mti.common.registry import IndicatorPolicy, Registry, Route, Source
from mti.normalizer.admission import in_general, narrowed, touched
from mti.normalizer.parsing import Sighting


@dataclass(frozen=True, slots=True)
class Scope:
    """The destinations of a source that share a policy, and with it what they are sent."""

    policy: IndicatorPolicy
    destinations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scopes:
    """The scopes of a source."""

    each: tuple[Scope, ...]
    """In the order of their first destinations."""
    mostly: tuple[Scope, ...]
    """What they come to where no sighting is of a test file, or of what is on any of their allow-lists."""
    listed: frozenset[str]
    """What is on any of their allow-lists."""

    def joined(self, sightings: Sequence[Sighting]) -> tuple[Scope, ...]:
        """Return those that come to the same for these sightings as one each, in the order of their first destinations.

        Tenants with allow-lists of their own would else be a scope each, and every chunk be decided on and packed for
        each of them, though hardly any chunk holds what is on one of the lists.
        """
        if len(self.each) <= 1:
            return self.each
        if not touched(sightings, self.listed):
            return self.mostly
        policies = narrowed([scope.policy for scope in self.each], sightings)
        return _scopes((policy, scope.destinations) for policy, scope in zip(policies, self.each, strict=True))


class Routing:
    """Where sources go by the registry in force. What follows from their routes is worked out once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Sequence[Route], Scopes]] = {}

    def scopes_of(self, registry: Registry, source: str) -> Scopes:
        """Return the scopes of a source; none where it is routed to no workspace."""
        routes = registry.routes_from(source)
        known = self._known.get(source)
        if known is None or known[0] is not routes:
            known = self._known[source] = routes, _scopes_by(routes)
        return known[1]

    def source_and_scopes(self, registry: Registry, id: str) -> tuple[Source, Scopes]:
        """Return a source and its scopes.

        Raises:
            Poison: `TenantRemoved`, `UnknownSource` or `NoRoute`.
        """
        source = registry.sources.get(id)
        if source is None and (tenant := registry.removed_from(source=id)) is not None:
            raise Poison(
                "TenantRemoved",
                f"the source {id!r} was tenant {tenant}'s, which was removed before this was handled; purge it, or put "
                f"the tenant back with `mti tenants resume {tenant}` and replay it",
            )
        if source is None:
            raise Poison(
                "UnknownSource",
                f"no tenant in the tenants file has the source {id!r}; if its tenant was removed on purpose, purge the "
                "messages, else put it back and replay them",
            )
        scopes = self.scopes_of(registry, id)
        if not scopes.each:
            raise Poison(
                "NoRoute",
                f"the source {id!r} is routed to no workspace; give its tenant a destination and replay",
            )
        return source, scopes


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


def _scopes_by(routes: Sequence[Route]) -> Scopes:
    each = _scopes((route.policy, (route.destination,)) for route in routes)
    mostly = _scopes((in_general(scope.policy), scope.destinations) for scope in each)
    return Scopes(each, mostly, frozenset().union(*(scope.policy.allow_list for scope in each)))


def _scopes(policies: Iterable[tuple[IndicatorPolicy, Sequence[str]]]) -> tuple[Scope, ...]:
    by_policy: dict[IndicatorPolicy, dict[str, None]] = {}
    for policy, destinations in policies:
        by_policy.setdefault(policy, {}).update(dict.fromkeys(destinations))
    return tuple(Scope(policy, tuple(destinations)) for policy, destinations in by_policy.items())
