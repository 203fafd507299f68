"""Withdraws one observable, from every workspace."""

from mti.common.contracts import IndicatorBatch, indicators_message
from mti.common.ports.bus import Outgoing, Sender
from mti.common.ports.clock import Clock
from mti.common.registry import Registry
from mti.normalizer.indicators import Observable, indicator_id
from mti.normalizer.records import EVERYONE, KNOWN, KnownIndicators
from mti.operations.revoking.results import RevokeResult
from mti.operations.revoking.revocation import giver, revocation_of, run_at
from mti.operations.revoking.scope import workspaces
from mti.operations.stores import WithdrawalStores
from mti.publisher.records import PUBLISHED, Published, PublishedVersions, Withdraw, after


class RevokeObservable:
    """Withdraws an observable for everyone.

    The normalizer's memory comes first: from then on it rejects the observable as `Withdrawn`. Then the books of every
    workspace, whether it holds the observable or not: what is on its way there, and in nobody's memory yet, is passed
    over when it comes. Then those that hold it are sent the revocation. Who dies on the way runs it again: workspaces
    that hold it revoked are left alone, the others are sent it.

    Args:
        registry: the tenants.
        stores: of the normalizer and the publisher, to be written too.
        sender: to the topic of the publisher.
        clock: the time.
    """

    def __init__(self, registry: Registry, stores: WithdrawalStores, sender: Sender, clock: Clock) -> None:
        self._registry = registry
        self._known = KnownIndicators(stores.normalizer.container(KNOWN), clock)
        self._versions = PublishedVersions(stores.publisher.container(PUBLISHED), clock)
        self._sender = sender
        self._clock = clock

    async def run(self, observable: Observable, reason: str | None, *, dry_run: bool = False) -> RevokeResult:
        """Withdraw it, or say what would be done.

        Raises:
            BusUnavailable, StoreUnavailable: run it again.
        """
        result = RevokeResult(observables=1, dry_run=dry_run)
        now, own = self._clock.now(), indicator_id(observable)
        order = Withdraw(id=own, at=now)
        if not dry_run:
            await self._known.withdrawals.withdraw(EVERYONE, [observable], now, reason)
        messages: list[Outgoing] = []
        for destination in await workspaces(self._registry, self._versions):
            held = await self._enter(destination, order, dry_run=dry_run)
            if held.revoked and not held.unsure:
                result.already += 1
            elif held.alive and destination not in self._registry.served:
                result.unserved[destination] += 1
            elif (revocation := revocation_of(own, held, now)) is not None:
                result.revoked[destination] += 1
                batch = IndicatorBatch(source=giver(held), objects=[revocation])
                messages.append(indicators_message(destination, batch, run=run_at(now)))
        result.messages = len(messages)
        if not dry_run:
            await self._sender.send(messages)
        return result

    async def _enter(self, destination: str, order: Withdraw, *, dry_run: bool) -> Published:
        """Return what a workspace's books say once it is entered there."""
        if dry_run:
            return after((await self._versions.look_up(destination, [order.id])).get(order.id), order)
        return (await self._versions.record(destination, [order]))[order.id]
