"""Each tenant with all that is its own or shared by it, put together from one look. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mti.common.registry import TenantState, TenantStatus
from mti.console.snapshots import Snapshot
from mti.operations.severity import severity
from mti.operations.status import DestinationStatus, SourceStatus


@dataclass(slots=True)
class Tenancy:
    """One tenant."""

    tenant: str
    state: TenantState
    sources: list[SourceStatus] = field(default_factory=list)
    """Its own, and those that it shares."""
    workspaces: list[DestinationStatus] = field(default_factory=list)

    @property
    def own(self) -> list[SourceStatus]:
        """Its own sources."""
        return [each for each in self.sources if each.books.tenant == self.tenant]

    @property
    def detections(self) -> int:
        """What came in by its own sources."""
        return sum(each.books.detections for each in self.own)

    @property
    def accepted(self) -> int:
        """What its workspaces took, in objects."""
        return sum(each.counts.accepted for each in self.workspaces)

    @property
    def dead_letters(self) -> int:
        """Messages of its own sources and for its workspaces."""
        return sum(each.dead_letters for each in self.own) + sum(each.dead_letters for each in self.workspaces)

    @property
    def paused(self) -> int:
        """How many of its sources and workspaces are left alone."""
        pauses = [each.books.pause for each in self.sources] + [each.pause for each in self.workspaces]
        return sum(pause is not None for pause in pauses)

    @property
    def behind_seconds(self) -> float | None:
        """How far the latest of its own sources is behind; `None` where one was never fetched, or there is none."""
        ages = [each.behind_seconds for each in self.own]
        known = [each for each in ages if each is not None]
        return max(known) if known and len(known) == len(ages) else None

    @property
    def is_active(self) -> bool:
        """Whether no person stopped it."""
        return self.state.status is TenantStatus.ACTIVE

    @property
    def severity(self) -> int:
        """How unwell it is; 0 when it is well."""
        lost = any(each.books.lost for each in self.own)
        late = self.is_active and any(each.is_late for each in self.own)
        return severity(lost, self.dead_letters, self.paused, late, not self.is_active)


def tenancies(snapshot: Snapshot) -> Mapping[str, Tenancy]:
    """Return all tenants that there are, or were, by their names."""
    registry, found = snapshot.registry, dict[str, Tenancy]()

    def of(tenant: str) -> Tenancy:
        if tenant not in found:
            active = TenantState(status=TenantStatus.ACTIVE)
            found[tenant] = Tenancy(tenant, registry.states.get(tenant, active))
        return found[tenant]

    for tenant in registry.states:
        of(tenant)
    for each in snapshot.status.sources:
        names = {each.books.tenant} if each.books.tenant else set[str]()
        names |= {tenant for route in registry.routes_from(each.books.source) for tenant in route.tenants}
        source = registry.sources.get(each.books.source)
        names |= {account.tenant for account in source.accounts} if source else set()
        for name in names:
            if name is not None:
                of(name).sources.append(each)
    for destination in snapshot.status.destinations:
        for name in destination.tenants:
            of(name).workspaces.append(destination)
    return dict(sorted(found.items()))
