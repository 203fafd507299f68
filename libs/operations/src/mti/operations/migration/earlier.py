"""How the earlier form named things: scopes, which are a source and a policy, and withdrawals by scope."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from mti.common.ports.store import Container, Document
from mti.normalizer.withdrawals import EVERYONE, Withdrawal

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

    @property
    def everyone(self) -> Mapping[str, Withdrawal]:
        """What was withdrawn for everyone."""
        return self.by_audience.get(EVERYONE, {})

    def generation(self, own: str, scope: str) -> int:
        """Return the generation of the id that was in use in a scope: the highest of both."""
        found = [self.by_audience.get(audience, {}).get(own) for audience in (EVERYONE, scope)]
        return max((order.generation for order in found if order is not None), default=0)

    def lifts(self, own: str, source: str) -> int:
        """Return how often it was lifted for a source and for everyone, as the new form adds them up."""
        found = [self.of_source(own, source), self.everyone.get(own)]
        return sum(order.generation for order in found if order is not None)

    def of_source(self, own: str, source: str) -> Withdrawal | None:
        """Return the order for a source, under whichever policies: one that still holds, if any does."""
        orders = [
            order
            for scope, known in self.by_audience.items()
            if scope != EVERYONE and source_of(scope) == source and (order := known.get(own)) is not None
        ]
        return max(orders, key=lambda order: (order.withdrawn is not None, order.generation), default=None)


async def read_orders(known: Container) -> Orders:
    """Read all withdrawals."""
    found: dict[str, dict[str, Withdrawal]] = {}
    async for partition in known.partitions():
        if partition.startswith(WITHDRAWN):
            orders = found.setdefault(partition.removeprefix(WITHDRAWN), {})
            async for document in known.scan(partition):
                orders[document.id] = Withdrawal.model_validate(document.body)
    return Orders(found)


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
