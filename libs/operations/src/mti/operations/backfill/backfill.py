"""Gives a workspace all that its sources have made and that is still valid: when a tenant joins late, or when its
workspace was built anew.

What is sent follows from what the normalizer knows, shard by shard, so memory is bounded by one message. Progress is a
document of the normalizer's store, saved after each message that the broker confirmed. Who dies between the two sends
that one message again, under the same MessageId; and should the bus not know it any more, the publisher sees that the
workspace holds it. So within a run nothing reaches Sentinel twice.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Final

from mti.common.checkpoints import Checkpoints, Versioned
from mti.common.errors import MtiError, WriteConflict
from mti.common.ports.bus import Sender
from mti.common.ports.clock import Clock
from mti.common.ports.store import Store
from mti.common.registry import Feed, Registry, Route
from mti.normalizer.records import KNOWN, KnownIndicators
from mti.operations.backfill.model import BackfillResult, Progress, Selection
from mti.operations.backfill.still_valid import BackfillScope, StillValid, messages_of

CONTAINER: Final = "checkpoints"
KIND: Final = "backfill"
SHARE: Final = 0.5
"""Of a destination's request budget: the rest is left to what comes in meanwhile."""


def run_name(clock: Clock) -> str:
    """Return a name for a run that nobody else has: when it began, and six random digits."""
    return f"{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


class BackfillTaken(MtiError):
    """Somebody else runs the same backfill at this moment."""


class Backfill:
    """Sends what is still valid.

    Args:
        registry: the tenants.
        normalizer: its store, for what is known and for the progress.
        sender: to the topic of the publisher.
        clock: the time.
        new_run: makes the name of a run.
        rate: messages a minute, of 100 indicators at most; `None` is as fast as the bus takes them.
        on_progress: told after each message.
    """

    def __init__(
        self,
        registry: Registry,
        normalizer: Store,
        sender: Sender,
        clock: Clock,
        new_run: Callable[[], str],
        *,
        rate: float | None = None,
        on_progress: Callable[[str, Progress], None] = lambda _destination, _progress: None,
    ) -> None:
        self._registry = registry
        self._still_valid = StillValid(KnownIndicators(normalizer.container(KNOWN), clock), clock)
        self._checkpoints = Checkpoints(normalizer.container(CONTAINER), KIND, Progress)
        self._sender = sender
        self._clock = clock
        self._new_run = new_run
        self._rate = rate
        self._on_progress = on_progress

    async def run(self, selection: Selection, *, dry_run: bool = False) -> list[BackfillResult]:
        """Backfill each workspace of the selection, or say what would be sent.

        Raises:
            ConfigurationError: nothing is selected.
            BackfillTaken: another one is at it.
            BusUnavailable, StoreUnavailable: run it again, and it goes on where it stopped.
        """
        routes = selection.routes(self._registry)
        return [
            await self._destination(selection, destination, towards, dry_run=dry_run)
            for destination, towards in sorted(routes.items())
        ]

    async def _destination(
        self, selection: Selection, destination: str, routes: Sequence[Route], *, dry_run: bool
    ) -> BackfillResult:
        fresh = Progress(run=self._new_run(), started=self._clock.now())
        progress = await self._checkpoints.load(selection.key(destination), fresh)
        resumed = progress.document is not None and progress.value.finished is None
        if not resumed:
            progress = progress.with_value(fresh)
        if not dry_run:
            # Before anything is sent: of two that start at once, one ends here.
            progress = await self._save(progress, destination)
        for scope in self._scopes(routes):
            if scope.name in progress.value.done:
                continue
            progress = await self._scope(progress, destination, scope, rebuilt=selection.rebuilt, dry_run=dry_run)
        if not dry_run:
            progress = await self._save(
                progress.with_value(progress.value.model_copy(update={"finished": self._clock.now()})), destination
            )
        return BackfillResult(destination=destination, progress=progress.value, resumed=resumed, dry_run=dry_run)

    def _scopes(self, routes: Sequence[Route]) -> list[BackfillScope]:
        """Return the scopes, the grids last: what a customer's own feed has brought is not worth another row then."""
        scopes: dict[str, BackfillScope] = {}
        for route in routes:
            name, source = route.source, self._registry.sources[route.source]
            scopes.setdefault(name, BackfillScope(name, route, source.feed, source.region))
        return sorted(scopes.values(), key=lambda scope: (scope.feed is Feed.MALWARE_GRID, scope.name))

    async def _scope(
        self, progress: Versioned[Progress], destination: str, scope: BackfillScope, *, rebuilt: bool, dry_run: bool
    ) -> Versioned[Progress]:
        here = progress.value.scope == scope.name
        start, after = (progress.value.shard, progress.value.after) if here else (0, "")
        async for shard, part in self._still_valid.parts(scope.name, start, after):
            objects, counts = await self._still_valid.indicators(scope, part)
            messages = messages_of(destination, scope, objects, progress.value.run, rebuilt=rebuilt)
            value = progress.value.model_copy(
                update={
                    "scope": scope.name,
                    "shard": shard,
                    "after": part[-1].id,
                    "messages": progress.value.messages + len(messages),
                    "sent": progress.value.sent + len(objects),
                    "expired": progress.value.expired + counts[0],
                    "withheld": progress.value.withheld + counts[1],
                }
            )
            progress = progress.with_value(value)
            if not dry_run:
                await self._sender.send(messages)
                progress = await self._save(progress, destination)
                await self._pace(len(messages))
        return progress.with_value(
            progress.value.model_copy(update={"done": (*progress.value.done, scope.name), "scope": None})
        )

    async def _save(self, progress: Versioned[Progress], destination: str) -> Versioned[Progress]:
        try:
            progress = await self._checkpoints.save(progress)
        except WriteConflict:
            raise BackfillTaken(
                f"somebody else backfills workspace {destination} at this moment; leave it to them, or run this again "
                "when they are done"
            ) from None
        self._on_progress(destination, progress.value)
        return progress

    async def _pace(self, messages: int) -> None:
        if self._rate is not None and messages:
            await self._clock.sleep(60 * messages / self._rate)
