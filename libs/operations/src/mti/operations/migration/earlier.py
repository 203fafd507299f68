"""How the earlier form named things: scopes, which are a source and a policy, and withdrawals by scope."""

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from mti.common.ports.store import Container, Document
from mti.common.registry import Registry
from mti.common.source_id import SourceId
from mti.normalizer.records import EVERYONE, Withdrawal

PART: Final = 500
"""Documents that are read and written at a time."""
WITHDRAWN: Final = "withdrawn|"


def source_of(scope: str) -> str:
    """Return the source of a scope."""
    return scope.partition("|")[0]


@dataclass(frozen=True, slots=True)
class Orders:
    """What was withdrawn: by scope or for everyone, and by the observable's own id."""

    by_audience: Mapping[str, Mapping[str, Withdrawal]] = field(default_factory=dict)
    scopes: Collection[str] = ()
    """All under which anything is known."""

    @property
    def everyone(self) -> Mapping[str, Withdrawal]:
        """What was withdrawn for everyone."""
        return self.by_audience.get(EVERYONE, {})

    def generation(self, own: str, scope: str) -> int:
        """Return the generation of the id that was in use in a scope: the highest of both."""
        orders = [self.by_audience.get(audience, {}).get(own) for audience in (EVERYONE, scope)]
        return max((order.generation for order in orders if order is not None), default=0)

    def highest(self, own: str, source: str) -> int:
        """Return the highest generation that was in use for a source, under any policy."""
        scopes = [scope for scope in self.by_audience if source_of(scope) == source]
        return max((self.generation(own, scope) for scope in (source, *scopes)), default=0)

    def lifts(self, own: str, source: str) -> int:
        """Return how often it was lifted for a source and for everyone, as the new form adds them up."""
        orders = [self.of_source(own, source), self.everyone.get(own)]
        return sum(order.generation for order in orders if order is not None)

    def of_source(self, own: str, source: str) -> Withdrawal | None:
        """Return the order for a source as a whole: that still holds where it does under every policy, since a grid
        that was withdrawn for one tenant goes on for the others. Else the lift of those that were lifted.
        """
        orders = {
            scope: order
            for scope, known in self.by_audience.items()
            if scope != EVERYONE and source_of(scope) == source and (order := known.get(own)) is not None
        }
        holding = {scope for scope, order in orders.items() if order.withdrawn is not None}
        shared = SourceId.parse(source).is_shared and any(
            source_of(scope) == source and scope not in holding for scope in self.scopes
        )
        meant = [order for scope, order in orders.items() if not shared or scope not in holding]
        return max(meant, key=lambda order: (order.withdrawn is not None, order.generation), default=None)

    def in_workspace(self, own: str, scope: str, serving: Collection[str], *, revoked: bool) -> Withdrawal | None:
        """Return the order for a scope as far as it concerns a workspace.

        Args:
            own: the observable's own id.
            scope: under which it was known.
            serving: the scopes that serve the workspace; see `serving`.
            revoked: whether the workspace holds it revoked: then whatever was withdrawn was withdrawn there.
        """
        order = self.by_audience.get(scope, {}).get(own)
        return order if scope in serving or revoked or order is None or order.withdrawn is None else None


def serving(registry: Registry, destination: str, scopes: Collection[str]) -> set[str]:
    """Return the scopes by which a workspace was served: of a source that under the policy of a tenant that wants it
    there, if one of them had its own, else that of all.
    """
    sources: set[str] = set()
    for route in (*registry.routes_to(destination), *registry.removed_to(destination)):
        own = {f"{route.source}|{tenant}" for tenant in route.tenants} & set(scopes)
        sources |= own or {route.source}
    return sources


async def scopes_in(known: Container) -> list[str]:
    """Return the scopes under which anything is known."""
    return sorted({name.rpartition("#")[0] async for name in known.partitions() if "#" in name})


async def read_orders(known: Container, scopes: Collection[str]) -> Orders:
    """Read all withdrawals.

    Args:
        known: the container.
        scopes: see `scopes_in`, as they were before anything was migrated.
    """
    by_audience: dict[str, dict[str, Withdrawal]] = {}
    async for partition in known.partitions():
        if partition.startswith(WITHDRAWN):
            orders = by_audience.setdefault(partition.removeprefix(WITHDRAWN), {})
            async for document in known.scan(partition):
                orders[document.id] = Withdrawal.model_validate(document.body)
    return Orders(by_audience, scopes)


async def parts(container: Container, partition: str) -> AsyncIterator[list[Document]]:
    """Yield the documents of a partition some at a time; what is written meanwhile does not disturb the reading."""
    after = ""
    while True:
        part: list[Document] = []
        async for document in container.scan(partition, after=after):
            part.append(document)
            if len(part) == PART:
                break
        if not part:
            return
        after = part[-1].id
        yield part
