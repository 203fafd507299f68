"""The pauses of sources and workspaces: which there are, and their end by a person's word.

A pause ends by itself when a probe finds that the account or workspace works again. Who has mended the cause, or knows
better than a server that said to wait, need not wait for that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, JsonValue

from mti.common.errors import ConfigurationError, WriteConflict
from mti.common.pauses import PauseState
from mti.common.races import until_won
from mti.common.registry import Registry, TenantStatus
from mti.fetcher.records import SourceCheckpoint, saved, source_checkpoints
from mti.operations.checkpoints import CONTAINER
from mti.operations.stores import Stores
from mti.publisher.records import DestinationCheckpoint, destination_checkpoints

Kind = Literal["source", "destination"]

RATE_LIMITED = "MimecastRateLimited"
"""The reason of a source that is not paused, and waits for its rate limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A source or a destination that is left alone."""

    kind: Kind
    id: str
    tenants: Sequence[str]
    reason: str
    description: str
    since: AwareDatetime | None
    until: AwareDatetime
    """When it is asked again by itself."""

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return {
            self.kind: self.id,
            "tenants": list[JsonValue](self.tenants),
            "reason": self.reason,
            "description": self.description,
            "since": None if self.since is None else self.since.isoformat(),
            "until": self.until.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Whose pauses are meant: all that is named, together."""

    source: str | None = None
    destination: str | None = None
    tenant: str | None = None
    """Its sources, those that it shares, and its workspaces."""
    everything: bool = False

    @property
    def names_something(self) -> bool:
        """Whether anything is named."""
        return self.everything or any(name is not None for name in (self.source, self.destination, self.tenant))

    def takes(self, pause: Held) -> bool:
        """Say whether a pause is meant."""
        name = self.source if pause.kind == "source" else self.destination
        return self.everything or pause.id == name or self.tenant in pause.tenants

    def check(self, registry: Registry, known: Sequence[tuple[Kind, str]]) -> None:
        """Refuse a name that nothing has.

        Args:
            registry: the tenants.
            known: what there are checkpoints of, in the tenants file or not.

        Raises:
            ConfigurationError: the text lists what there is.
        """
        tenants = {route.tenant for route in registry.routes} | set(registry.states)
        tenants |= {account.tenant for source in registry.sources.values() for account in source.accounts}
        tenants |= {tenant for destination in registry.destinations.values() for tenant in destination.tenants}
        there: dict[Kind, set[str]] = {"source": set(registry.sources), "destination": set(registry.destinations)}
        for kind, id in known:
            there[kind].add(id)
        for option, name, names in (
            ("--source", self.source, there["source"]),
            ("--destination", self.destination, there["destination"]),
            ("--tenant", self.tenant, tenants),
        ):
            if name is not None and name not in names:
                raise ConfigurationError(f"{option} {name}: there is none of that name; there is {_listed(names)}")


async def held(stores: Stores, registry: Registry, selection: Selection, now: datetime) -> list[Held]:
    """Return what is left alone, sources first; everything where the selection names nothing.

    Raises:
        ConfigurationError: the selection names what there is not.
    """
    sources = [pair async for pair in source_checkpoints(stores.fetcher.container(CONTAINER)).all()]
    destinations = [pair async for pair in destination_checkpoints(stores.publisher.container(CONTAINER)).all()]
    known: list[tuple[Kind, str]] = [("source", name) for name, _ in sources]
    selection.check(registry, known + [("destination", name) for name, _ in destinations])
    every = [_held_source(name, value, registry, now) for name, value in sources]
    every += [_held_destination(name, value, registry) for name, value in destinations]
    return [one for one in every if one is not None and (not selection.names_something or selection.takes(one))]


async def lift(stores: Stores, registry: Registry, selection: Selection, now: datetime) -> list[Held]:
    """End the pauses that are meant, by compare-and-set: safe while the services run. Return those that ended.

    What is at fault still is paused again as soon as it is asked, with a delay that begins anew.

    Raises:
        ConfigurationError: the selection names nothing, or what there is not.
        StoreUnavailable: a service saved again and again in between.
    """
    if not selection.names_something:
        raise ConfigurationError("say whose: --source, --destination, --tenant or --all")
    meant = await held(stores, registry, selection, now)
    for one in meant:
        await (_lift_source if one.kind == "source" else _lift_destination)(stores, one.id)
    return meant


def paused_by_people(registry: Registry) -> list[str]:
    """Return a note for each tenant that a person paused: that is no pause that can be lifted here."""
    return [
        f"tenant {name} was paused by {state.by or 'somebody'}; that ends with `mti tenants resume {name}`"
        for name, state in sorted(registry.states.items())
        if state.status is TenantStatus.PAUSED
    ]


@dataclass(frozen=True, slots=True)
class Released:
    """What comes at once since pauses were lifted."""

    messages: int | None = None
    """`None` where it can't be told, or nothing was to be released."""
    notes: Sequence[str] = ()
    """What comes later, and why, in sentences."""


def due_by_itself(one: Held) -> str:
    """Say what a lifted pause of a workspace means for messages that nobody can reach before they are due."""
    which = f" --tenant {one.tenants[0]}" if one.tenants else ""
    return (
        f"workspace {one.id}: new messages are delivered at once, and those that wait are due by themselves at"
        f" {one.until:%Y-%m-%d %H:%M:%S} UTC or soon after; to have what they hold there before,"
        f" `mti backfill{which} --destination {one.id}`, which sends nothing twice"
    )


async def _lift_source(stores: Stores, id: str) -> None:
    checkpoints = source_checkpoints(stores.fetcher.container(CONTAINER))

    async def attempt() -> None:
        before = await checkpoints.load(id, SourceCheckpoint())
        if await saved(checkpoints, before.with_value(before.value.pause_lifted())) is None:
            raise WriteConflict(f"{id}: its checkpoint was saved by the fetcher")

    await until_won(attempt)


async def _lift_destination(stores: Stores, id: str) -> None:
    checkpoints = destination_checkpoints(stores.publisher.container(CONTAINER))

    async def attempt() -> None:
        before = await checkpoints.load(id, DestinationCheckpoint())
        await checkpoints.save(before.with_value(before.value.model_copy(update={"pause": None})))

    await until_won(attempt)


def _held_source(name: str, value: SourceCheckpoint, registry: Registry, now: datetime) -> Held | None:
    source = registry.sources.get(name)
    tenants = {route.tenant for route in registry.routes_from(name)}
    tenants |= {account.tenant for account in source.accounts} if source else set()
    if value.pause is not None:
        return _held("source", name, tenants, value.pause)
    if value.resume_at is None or value.resume_at <= now:
        return None
    return Held(
        kind="source",
        id=name,
        tenants=sorted(tenants),
        reason=RATE_LIMITED,
        description=f"{name}: Mimecast's rate limit is waited for",
        since=None,
        until=value.resume_at,
    )


def _held_destination(name: str, value: DestinationCheckpoint, registry: Registry) -> Held | None:
    if value.pause is None:
        return None
    destination = registry.destinations.get(name) or registry.leaving.get(name)
    return _held("destination", name, destination.tenants if destination else (), value.pause)


def _held(kind: Kind, id: str, tenants: Sequence[str] | set[str], pause: PauseState) -> Held:
    return Held(
        kind=kind,
        id=id,
        tenants=sorted(tenants),
        reason=pause.reason,
        description=pause.description,
        since=pause.since,
        until=pause.until,
    )


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)[:20]) or "none at all"
