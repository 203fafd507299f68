"""Gives a workspace all that its sources have made and that is still valid: when a tenant joins late, or when its
workspace was built anew.

What is sent follows from what the normalizer knows, shard by shard, so memory is bounded by one message. Progress is a
document of the normalizer's store, saved after each message that the broker confirmed. Who dies between the two sends
that one message again, under the same MessageId; and should the bus not know it any more, the publisher sees that the
workspace holds it. So within a run nothing reaches Sentinel twice.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue

from mti.common.checkpoints import Checkpoints, Versioned
from mti.common.contracts import Indicator
from mti.common.contracts.envelope import REBUILT
from mti.common.contracts.indicators import OBJECTS_LIMIT
from mti.common.errors import ConfigurationError, MtiError, WriteConflict
from mti.common.ports.bus import Outgoing, Sender
from mti.common.ports.clock import Clock
from mti.common.ports.store import Store
from mti.common.registry import Feed, Registry, Route
from mti.normalizer.indicators import build, messages_for, reason_of_file
from mti.normalizer.records import KNOWN, UNTOUCHED, KnownIndicator, KnownIndicators, shard_of, shards_of

CONTAINER: Final = "checkpoints"
KIND: Final = "backfill"
SHARE: Final = 0.5
"""Of a destination's request budget: the rest is left to what comes in meanwhile."""


def run_name(clock: Clock) -> str:
    """Return a name for a run that nobody else has: when it began, and six random digits."""
    return f"{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


class BackfillTaken(MtiError):
    """Somebody else runs the same backfill at this moment."""


class Progress(BaseModel):
    """How far a backfill of one workspace has come."""

    model_config = ConfigDict(frozen=True)

    run: str
    """Its name, which is in the MessageIds."""
    started: AwareDatetime
    done: tuple[str, ...] = ()
    """Sources that are behind."""
    scope: str | None = None
    """The one at hand."""
    shard: int = 0
    after: str = ""
    """The last id of the shard that is behind."""
    messages: int = 0
    sent: int = 0
    """Indicators."""
    expired: int = 0
    """Not sent, since they are not valid any more."""
    withheld: int = 0
    """Not sent, since a person withdrew them, or a policy does not let them be sent any more."""
    finished: AwareDatetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is to be given again."""

    tenant: str
    destination: str | None = None
    """`None`: all workspaces of the tenant."""
    source: str | None = None
    """`None`: all sources of the tenant."""
    rebuilt: bool = False
    """Whether the workspaces were built anew, and hold nothing of what the publisher's books say."""

    def routes(self, registry: Registry) -> dict[str, list[Route]]:
        """Return the routes that are meant, by destination.

        Raises:
            ConfigurationError: there are none; the text says what the tenant has.
        """
        own = [route for route in registry.routes if self.tenant in route.tenants]
        if not own:
            tenants = ", ".join(sorted({tenant for route in registry.routes for tenant in route.tenants})[:20])
            raise ConfigurationError(
                f"the tenants file has no tenant {self.tenant!r} with a workspace; it has {tenants}"
            )
        found: dict[str, list[Route]] = {}
        for route in own:
            if self.destination in (None, route.destination) and self.source in (None, route.source):
                found.setdefault(route.destination, []).append(route)
        if not found:
            ways = ", ".join(sorted(f"{route.source} to {route.destination}" for route in own))
            raise ConfigurationError(f"tenant {self.tenant!r} has no such route; it has {ways}")
        return found

    def key(self, destination: str) -> str:
        """Return the id of the progress document."""
        return "|".join((destination, self.tenant, self.source or "*", "rebuilt" if self.rebuilt else "late"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillResult:
    """What became of one workspace."""

    destination: str
    progress: Progress
    resumed: bool = False
    dry_run: bool = False

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        found = self.progress
        return {
            "destination": self.destination,
            "run": found.run,
            "resumed": self.resumed,
            "dry_run": self.dry_run,
            "finished": found.finished is not None,
            "messages": found.messages,
            "sent": found.sent,
            "expired": found.expired,
            "withheld": found.withheld,
        }


@dataclass(frozen=True, slots=True)
class _Scope:
    name: str
    route: Route
    feed: Feed
    region: str


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
        self._known = KnownIndicators(normalizer.container(KNOWN), clock)
        self._progress = Checkpoints(normalizer.container(CONTAINER), KIND, Progress)
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
            await self._destination(selection, destination, found, dry_run=dry_run)
            for destination, found in sorted(routes.items())
        ]

    async def _destination(
        self, selection: Selection, destination: str, routes: Sequence[Route], *, dry_run: bool
    ) -> BackfillResult:
        fresh = Progress(run=self._new_run(), started=self._clock.now())
        at = await self._progress.load(selection.key(destination), fresh)
        resumed = at.document is not None and at.value.finished is None
        if not resumed:
            at = at.with_value(fresh)
        if not dry_run:
            # Before anything is sent: of two that start at once, one ends here.
            at = await self._save(at, destination)
        for scope in self._scopes(routes):
            if scope.name in at.value.done:
                continue
            at = await self._scope(at, destination, scope, rebuilt=selection.rebuilt, dry_run=dry_run)
        if not dry_run:
            at = await self._save(
                at.with_value(at.value.model_copy(update={"finished": self._clock.now()})), destination
            )
        return BackfillResult(destination=destination, progress=at.value, resumed=resumed, dry_run=dry_run)

    def _scopes(self, routes: Sequence[Route]) -> list[_Scope]:
        """Return the scopes, the grids last: what a customer's own feed has brought is not worth another row then."""
        found: dict[str, _Scope] = {}
        for route in routes:
            name, source = route.source, self._registry.sources[route.source]
            found.setdefault(name, _Scope(name, route, source.feed, source.region))
        return sorted(found.values(), key=lambda scope: (scope.feed is Feed.MALWARE_GRID, scope.name))

    async def _scope(
        self, at: Versioned[Progress], destination: str, scope: _Scope, *, rebuilt: bool, dry_run: bool
    ) -> Versioned[Progress]:
        here = at.value.scope == scope.name
        start, after = (at.value.shard, at.value.after) if here else (0, "")
        async for shard, part in self._parts(scope.name, start, after):
            objects, counts = await self._indicators(scope, part)
            messages = self._messages(destination, scope, objects, at.value.run, rebuilt=rebuilt)
            value = at.value.model_copy(
                update={
                    "scope": scope.name,
                    "shard": shard,
                    "after": part[-1].id,
                    "messages": at.value.messages + len(messages),
                    "sent": at.value.sent + len(objects),
                    "expired": at.value.expired + counts[0],
                    "withheld": at.value.withheld + counts[1],
                }
            )
            at = at.with_value(value)
            if not dry_run:
                await self._sender.send(messages)
                at = await self._save(at, destination)
                await self._pace(len(messages))
        return at.with_value(at.value.model_copy(update={"done": (*at.value.done, scope.name), "scope": None}))

    async def _parts(self, scope: str, start: int, after: str) -> AsyncIterator[tuple[int, list[KnownIndicator]]]:
        """Yield what is known from beyond an id, in parts that fill a message, each with the shard of its last one."""
        part: list[KnownIndicator] = []
        for shard in shards_of(scope)[start:]:
            async for entry in self._known.scan(scope, shard, after=after if shard == start else ""):
                part.append(entry)
                if len(part) == OBJECTS_LIMIT:
                    yield shard, part
                    part = []
        if part:
            yield shard_of(scope, part[-1].id), part

    async def _indicators(
        self, scope: _Scope, part: Sequence[KnownIndicator]
    ) -> tuple[list[Indicator], tuple[int, int]]:
        now: datetime = self._clock.now()
        policy = scope.route.policy
        emitted = [entry.under(policy.validity) for entry in part]
        valid = [entry for entry in emitted if entry.valid_until > now]
        standings = await self._known.withdrawals.look_up(scope.name, [entry.observable for entry in valid])
        sendable: list[KnownIndicator] = []
        for entry in valid:
            withdrawn = standings.get(entry.observable, UNTOUCHED).withdrawn
            if not withdrawn and reason_of_file(entry.observable, entry.facts.siblings, policy) is None:
                sendable.append(entry)
        objects = [build(entry, scope.route.policy, scope.feed, scope.region) for entry in sendable]
        return objects, (len(part) - len(valid), len(valid) - len(sendable))

    @staticmethod
    def _messages(
        destination: str, scope: _Scope, objects: Sequence[Indicator], run: str, *, rebuilt: bool
    ) -> list[Outgoing]:
        found = messages_for([destination], scope.route.source, objects, run=run)
        if not rebuilt:
            return list(found)
        return [replace(message, properties={**message.properties, REBUILT: run}) for message in found]

    async def _save(self, at: Versioned[Progress], destination: str) -> Versioned[Progress]:
        try:
            at = await self._progress.save(at)
        except WriteConflict:
            raise BackfillTaken(
                f"somebody else backfills workspace {destination} at this moment; leave it to them, or run this again "
                "when they are done"
            ) from None
        self._on_progress(destination, at.value)
        return at

    async def _pace(self, messages: int) -> None:
        if self._rate is not None and messages:
            await self._clock.sleep(60 * messages / self._rate)
