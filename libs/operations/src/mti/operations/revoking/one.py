"""Withdraws one observable, from every workspace."""

from datetime import datetime

from mti.common.contracts import IndicatorBatch, indicators_message
from mti.common.ports.bus import Outgoing, Sender
from mti.common.ports.clock import Clock
from mti.common.registry import Registry
from mti.normalizer.entry import KnownIndicator
from mti.normalizer.identity import indicator_id
from mti.normalizer.known import CONTAINER as KNOWN
from mti.normalizer.known import KnownIndicators
from mti.normalizer.parsing import Observable
from mti.normalizer.withdrawals import EVERYONE, UNTOUCHED
from mti.operations.reconcile import Stores
from mti.operations.revoking.objects import giver, is_spent, revoked, scopes_to
from mti.operations.revoking.results import RevokeResult
from mti.publisher.versions import CONTAINER as PUBLISHED
from mti.publisher.versions import PublishedVersions


class RevokeObservable:
    """Withdraws an observable for everyone.

    The memory comes first: from then on the normalizer rejects it as `Withdrawn`. Who dies after that runs it again:
    workspaces that hold it revoked are left alone, the others are sent it.

    Args:
        registry: the tenants.
        stores: of the normalizer, to be written too, and of the publisher.
        sender: to the topic of the publisher.
        clock: the time.
    """

    def __init__(self, registry: Registry, stores: Stores, sender: Sender, clock: Clock) -> None:
        self._registry = registry
        self._known = KnownIndicators(stores.normalizer.container(KNOWN), clock)
        self._published = PublishedVersions(stores.publisher.container(PUBLISHED), clock)
        self._sender = sender
        self._clock = clock

    async def run(self, observable: Observable, reason: str | None, *, dry_run: bool = False) -> RevokeResult:
        """Withdraw it, or say what would be done.

        Raises:
            BusUnavailable, StoreUnavailable: run it again.
        """
        result = RevokeResult(observables=1, dry_run=dry_run)
        now = self._clock.now()
        generation = 0
        messages: list[Outgoing] = []
        for destination in self._registry.destinations:
            for (latest, _), entries in (await self._in_use(destination, observable)).items():
                generation = max(generation, latest)
                messages += await self._message(destination, entries, result, now)
        result.messages = len(messages)
        if not dry_run:
            await self._known.withdrawals.withdraw(EVERYONE, {observable: generation}, now, reason)
            await self._sender.send(messages)
        return result

    async def _in_use(
        self, destination: str, observable: Observable
    ) -> dict[tuple[int, str], dict[str, KnownIndicator]]:
        """Return what is known for a workspace by generation and id, each by scope.

        There is one id, unless a source was withdrawn by itself and lifted.
        """
        found: dict[tuple[int, str], dict[str, KnownIndicator]] = {}
        for scope in scopes_to(self._registry.routes_to(destination)):
            standings = await self._known.withdrawals.look_up(scope, [observable])
            generation = standings.get(observable, UNTOUCHED).generation
            id = indicator_id(observable, generation)
            entries = found.setdefault((generation, id), {})
            if (entry := (await self._known.look_up(scope, [id])).get(id)) is not None:
                entries[scope] = entry
        return found

    async def _message(
        self, destination: str, entries: dict[str, KnownIndicator], result: RevokeResult, now: datetime
    ) -> list[Outgoing]:
        """Return what a workspace is to be sent for one id; nothing where no source of it knows the id."""
        if not entries:
            return []
        id = next(iter(entries.values())).id
        held = (await self._published.look_up(destination, [id])).get(id)
        if is_spent(held):
            result.already += 1
            return []
        scopes = scopes_to(self._registry.routes_to(destination))
        scope = giver(entries, scopes, held)
        found = revoked(entries[scope], scopes[scope], self._registry, held, now)
        result.revoked[destination] += 1
        return [indicators_message(destination, IndicatorBatch(source=scopes[scope].source, objects=[found]))]
