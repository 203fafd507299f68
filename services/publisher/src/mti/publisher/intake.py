"""Reads the messages of a session into the objects that may go to its workspace, and outcomes for the others."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from mti.common.contracts import CarriedBatch, are_indicator_ids, decode_carried, is_indicator_id, own_id, refusal_of
from mti.common.contracts.envelope import PARKS, REBUILT, REPLAYS, RETRIES
from mti.common.errors import Pause, Poison
from mti.common.hosting import outcome_of
from mti.common.ports.bus import Received
from mti.common.ports.settlement import Outcome
from mti.common.registry import Destination, RegistryProvider
from mti.common.telemetry import traceparent_in
from mti.publisher.records import Item
from mti.publisher.routing import RoutingTable, Unrouted

TENANT_PAUSE: Final = timedelta(minutes=5)
"""How long a message of a paused tenant waits before the registry is asked again."""


@dataclass(slots=True)
class Intake:
    """The messages of a session, read."""

    destination: Destination | None = None
    """The session's workspace; `None` where no message may go anywhere."""
    batches: dict[int, Sequence[Item]] = field(default_factory=dict)
    """What may go to the destination, by the message's place."""
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    """Of the other messages."""
    doubtful: bool = False
    """Whether a newer registry may decide otherwise."""


class Reader:
    """Reads messages by the registry as it is then.

    Args:
        registry: who may send what where.
        tenant_pause: see `TENANT_PAUSE`.
        rng: the jitter.
    """

    def __init__(self, registry: RegistryProvider, tenant_pause: timedelta, rng: random.Random) -> None:
        self._registry = registry
        self._tenant_pause = tenant_pause
        self._rng = rng
        self._table = RoutingTable(registry.current)

    async def read(self, messages: Sequence[Received]) -> Intake:
        """Read the messages of one session; where the registry stands in the way of one, look whether it has changed.

        It raises nothing for a message's sake: each is in `batches` or has an outcome.
        """
        intake = self._read(messages)
        if intake.doubtful:
            await self._registry.latest()
            intake = self._read(messages)
        return intake

    def _read(self, messages: Sequence[Received]) -> Intake:
        registry = self._registry.current
        if self._table.registry is not registry:
            self._table = RoutingTable(registry)
        intake = Intake()
        for position, message in enumerate(messages):
            refused = refusal_of(message)
            if refused is not None:
                intake.outcomes[position] = refused
                continue
            try:
                intake.destination = self._table.destination(_session_of(message))
                intake.batches[position] = self._items(message, intake.destination, position)
            except Poison as error:
                intake.outcomes[position] = outcome_of(error, message)
                intake.doubtful |= isinstance(error, Unrouted)
            except Pause as error:
                error.delay = self._tenant_pause * (1 + self._rng.random() / 10)
                intake.outcomes[position] = outcome_of(error, message)
                intake.doubtful = True
        return intake

    def _items(self, message: Received, destination: Destination, position: int) -> list[Item]:
        """Return the objects of a message.

        Args:
            message: the message.
            destination: where it is to go.
            position: its place among the messages.

        Raises:
            Poison: it can't be read.
            Unrouted: it may not go there.
            Pause: it has to wait.
        """
        said, batch = decode_carried(message)
        if said != f"/sources/{batch.source}":
            raise Poison(
                "SourceMismatch",
                f"message {message.message_id!r} says {said!r} outside and {batch.source!r} inside; "
                "it was tampered with or badly made: find its sender, then purge it",
            )
        revoked = all(indicator.revoked for indicator in batch.objects)
        route = self._table.route(batch.source, destination, revoked=revoked)
        if not are_indicator_ids([indicator.id for indicator in batch.objects]):
            raise _no_id(message, batch)
        run = message.properties.get(REBUILT)
        rebuilt = run if isinstance(run, str) and run else None
        tried = message.delivery_count > 0 or any(name in message.properties for name in (PARKS, REPLAYS, RETRIES))
        trace = traceparent_in(message.properties)
        return [
            Item(
                object=indicator,
                source=batch.source,
                feed=route.feed,
                extension=route.extension,
                message=position,
                backers=route.backers,
                tried=tried,
                rebuilt=rebuilt,
                trace=trace,
                own=own_id(indicator.id, indicator.pattern),
                withdraws=bool(indicator.revoked),
            )
            for indicator in batch.objects
        ]


def _session_of(message: Received) -> str:
    if not message.session_id:
        raise Poison(
            "NoDestination",
            f"message {message.message_id!r} has no session, which would name its workspace; it was not sent by "
            "this project's normalizer: find its sender, then purge it",
        )
    return message.session_id


def _no_id(message: Received, batch: CarriedBatch) -> Poison:
    odd = next(indicator.id for indicator in batch.objects if not is_indicator_id(indicator.id))
    return Poison(
        "MalformedBody",
        f"message {message.message_id!r} of {batch.source!r} holds an object whose id is not indicator--UUID: "
        f"{odd[:80]!r}; look at it with `mti dlq show`, mend it or purge it",
    )
