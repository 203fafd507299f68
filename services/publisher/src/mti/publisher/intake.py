"""Reads a message and decides whether anything in it may go to the destination at all. Pure.

Where a message goes is its session, and what may go there is the registry's word: nothing in a body is believed about
either, so nothing of one tenant reaches another's workspace.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from mti.common.contracts import Envelope, IndicatorBatch, decode
from mti.common.contracts.envelope import PARKS, REBUILT, REFUSAL, REFUSAL_DESCRIPTION, REPLAYS, RETRIES
from mti.common.errors import Pause, Poison
from mti.common.ports.bus import Received
from mti.common.ports.settlement import DeadLetter
from mti.common.registry import Destination, Feed, Registry, TenantStatus
from mti.common.telemetry import traceparent_in
from mti.publisher.records import TENANT_PAUSED, Item

_INDICATOR_ID = re.compile(r"indicator--[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Way:
    """What the registry says of a source's way to a destination."""

    feed: Feed
    extension: timedelta
    """The least validity that is worth another row; the least of several tenants' policies."""
    paused: bool = False
    """Every tenant that asks for it is paused."""
    backers: frozenset[str] = frozenset()
    """All sources that are routed to the destination."""


class Unrouted(Poison):
    """The registry does not let the message through: the one error here that another registry may take back."""


class Intake:
    """The registry, arranged for looking up ways."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._destinations = registry.destinations
        ways: dict[tuple[str, str], Way] = {}
        backers = {id: frozenset(route.source for route in registry.routes_to(id)) for id in registry.destinations}
        self._backers = backers
        for route in registry.routes:
            source = registry.sources[route.source]
            key = (route.source, route.destination)
            extension = route.policy.refresh_after * route.policy.validity
            known = ways.get(key)
            ways[key] = Way(
                source.feed,
                min(extension, known.extension) if known else extension,
                paused=route.paused and (known is None or known.paused),
                backers=backers[route.destination],
            )
        self._ways: Mapping[tuple[str, str], Way] = ways

    def destination(self, message: Received) -> Destination:
        """Return where a message is to go.

        Raises:
            Poison: `NoDestination`.
            Unrouted: `UnknownDestination`.
        """
        session = message.session_id
        if not session:
            raise Poison(
                "NoDestination",
                f"message {message.message_id!r} has no session, which would name its workspace; it was not sent by "
                "this project's normalizer: find its sender, then purge it",
            )
        found = self._destinations.get(session) or self.registry.leaving.get(session)
        if found is None:
            raise Unrouted(
                "UnknownDestination",
                f"workspace {session!r} is not in the tenants file; if it was removed on purpose, purge its messages, "
                "else put it back and replay them",
            )
        return found

    def items(self, message: Received, destination: Destination, position: int) -> list[Item]:
        """Return the objects of a message.

        Args:
            message: the message.
            destination: where it is to go.
            position: its place in the batch.

        Raises:
            Poison: it can't be read.
            Unrouted: `TenantRemoved` or `NotRouted`, it may not go there.
            Pause: `TenantPaused`, it has to wait.
        """
        envelope, batch = decode(message, IndicatorBatch)
        way = self._way(message, envelope, batch, destination)
        run = message.properties.get(REBUILT)
        rebuilt = run if isinstance(run, str) and run else None
        for found in batch.objects:
            _check_id(message, batch, found.id)
        tried = message.delivery_count > 0 or any(name in message.properties for name in (PARKS, REPLAYS, RETRIES))
        trace = traceparent_in(message.properties)
        return [
            Item(
                object=found,
                source=batch.source,
                feed=way.feed,
                extension=way.extension,
                message=position,
                backers=way.backers,
                tried=tried,
                rebuilt=rebuilt,
                trace=trace,
            )
            for found in batch.objects
        ]

    def _way(self, message: Received, envelope: Envelope, batch: IndicatorBatch, destination: Destination) -> Way:
        if envelope.source != f"/sources/{batch.source}":
            raise Poison(
                "SourceMismatch",
                f"message {message.message_id!r} says {envelope.source!r} outside and {batch.source!r} inside; "
                "it was tampered with or badly made: find its sender, then purge it",
            )
        way = self._ways.get((batch.source, destination.id))
        if way is None and all(found.revoked for found in batch.objects):
            return _way_out(batch.source, self._backers.get(destination.id, frozenset()))
        if way is None and (tenant := self.registry.removed_from(source=batch.source, destination=destination.id)):
            raise Unrouted(
                "TenantRemoved",
                f"workspace {destination.id} was tenant {tenant}'s, which was removed before this was delivered; purge "
                f"it, or put the tenant back with `mti tenants resume {tenant}` and replay it",
            )
        if way is None:
            raise Unrouted(
                "NotRouted",
                f"nothing routes source {batch.source!r} to workspace {destination.id} of "
                f"{', '.join(destination.tenants)}, so it is not sent there; if the route was removed on purpose, "
                "purge its messages, else put it back and replay them",
            )
        if way.paused:
            raise self._pause(destination)
        return way

    def _pause(self, destination: Destination) -> Pause:
        paused = [
            f"{tenant} (by {state.by or 'somebody'}{f': {state.why}' if state.why else ''})"
            for tenant in destination.tenants
            if (state := self.registry.states.get(tenant)) is not None and state.status is TenantStatus.PAUSED
        ]
        return Pause(
            TENANT_PAUSED,
            f"workspace {destination.id}: tenant {', '.join(paused)} is paused, and what is for it waits until"
            " `mti tenants resume`",
        )


def _way_out(source: str, backers: frozenset[str]) -> Way:
    """Return the way of revocations alone, which needs no route: what is sent is what the workspace's own books hold,
    and nothing of the message. So what an edit of the tenants file left behind can be withdrawn.
    """
    feed = source.rpartition("/")[2]
    known = feed in set(Feed) and not source.startswith("grid:")
    return Way(Feed(feed) if known else Feed.MALWARE_GRID, timedelta(), backers=backers)


def refusal_of(message: Received) -> DeadLetter | None:
    """Return what a message says of itself when it holds only what Sentinel refused."""
    reason = message.properties.get(REFUSAL)
    if not isinstance(reason, str) or not reason:
        return None
    return DeadLetter(reason, str(message.properties.get(REFUSAL_DESCRIPTION, "")))


def _check_id(message: Received, batch: IndicatorBatch, id: str) -> None:
    if not _INDICATOR_ID.fullmatch(id):
        raise Poison(
            "MalformedBody",
            f"message {message.message_id!r} of {batch.source!r} holds an object whose id is not indicator--UUID: "
            f"{id[:80]!r}; look at it with `mti dlq show`, mend it or purge it",
        )
