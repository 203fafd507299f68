"""Which indicators are meant, and where they are to be looked for."""

from collections.abc import Collection
from dataclasses import dataclass

from mti.common.errors import ConfigurationError
from mti.common.registry import Registry
from mti.common.source_id import SourceId
from mti.publisher.records import DestinationCheckpoint, DestinationCheckpoints, PublishedVersions


async def workspaces(registry: Registry, versions: PublishedVersions) -> list[str]:
    """Return every workspace that may hold anything: those of the tenants, and those that there are books of."""
    return sorted({*registry.served, *await versions.destinations()})


async def sources_at(destination: str, registry: Registry, checkpoints: DestinationCheckpoints) -> set[str]:
    """Return the sources that may have brought a workspace anything: those that did, and those that are routed there.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    checkpoint = (await checkpoints.load(destination, DestinationCheckpoint())).value
    routes = (*registry.routes_to(destination), *registry.removed_to(destination))
    return {*checkpoint.sources, *(route.source for route in routes)}


@dataclass(frozen=True, slots=True)
class Scope:
    """A tenant, or a source: exactly one of them."""

    tenant: str | None = None
    source: str | None = None

    def covers(self, registry: Registry, source: str, destination: str) -> bool:
        """Say whether what a source brought to a workspace is meant.

        Of a source that several tenants share in a workspace nothing is, as long as another of them still wants it. A
        tenant's own source is meant wherever it is not routed any more, as after an ordinary edit of the file.
        """
        if self.source is not None:
            return source == self.source
        route = registry.route(source, destination)
        if route is not None:
            return route.tenants == (self.tenant,)
        gone = registry.removed_route(source, destination)
        if gone is not None:
            return self.tenant in gone.tenants
        id = SourceId.parse(source)
        if not id.is_shared:
            return id.tenant == self.tenant
        owner = registry.served.get(destination)
        return owner is not None and tuple(owner.tenants) == (self.tenant,)

    async def targets(
        self, registry: Registry, versions: PublishedVersions, checkpoints: DestinationCheckpoints
    ) -> dict[str, Collection[str]]:
        """Return the sources that are meant, by workspace; workspaces without one are absent.

        Raises:
            ConfigurationError: there is nothing that could be meant.
            StoreUnavailable: the store does not answer.
        """
        targets: dict[str, Collection[str]] = {}
        for destination in await workspaces(registry, versions):
            seen = await sources_at(destination, registry, checkpoints)
            meant = {source for source in seen if self.covers(registry, source, destination)}
            if meant:
                targets[destination] = meant
        if not targets and not self._is_known(registry):
            name = f"tenant {self.tenant!r}" if self.tenant is not None else f"source {self.source!r}"
            raise ConfigurationError(
                f"the tenants file has no {name} with a workspace, and no workspace holds anything of it"
            )
        return targets

    def _is_known(self, registry: Registry) -> bool:
        """Say whether it is in the tenants file; all that a removed tenant had may be routed for others."""
        return self.tenant in registry.states or any(
            self.tenant in route.tenants or self.source == route.source
            for route in (*registry.routes, *registry.removed)
        )

    def is_all_of(self, source: str) -> bool:
        """Say whether a source is meant wherever it goes, now and later.

        Of a grid that a region shares a tenant has no more than what it brought to its own workspaces, though at this
        moment nobody else may share it: who joins later is to get it.
        """
        return self.source is not None or not SourceId.parse(source).is_shared

    def is_whole(self, registry: Registry, source: str, destinations: Collection[str]) -> bool:
        """Say whether a source is meant wherever it goes, and in every workspace that it is routed to."""
        return self.is_all_of(source) and all(
            route.destination in destinations for route in registry.routes_from(source)
        )
