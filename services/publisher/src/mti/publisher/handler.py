"""The heart of the publisher: a batch of messages in, one outcome a message out."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from mti.common.checkpoints import Versioned
from mti.common.clock_check import ClockCheck, CorrectedClock
from mti.common.errors import Pause, Poison, StoreUnavailable, WriteConflict
from mti.common.hosting import decide
from mti.common.pauses import PauseState, paused
from mti.common.ports.bus import Outgoing, Received, Sender
from mti.common.ports.clock import Clock
from mti.common.ports.settlement import DeadLetter, Outcome, Park
from mti.common.registry import Destination, RegistryProvider
from mti.common.telemetry import active
from mti.common.telemetry.attributes import tenant_among
from mti.publisher.delivery import Delivery, Sending
from mti.publisher.intake import Intake, Unrouted, refusal_of
from mti.publisher.records import (
    ClockNote,
    Counts,
    DestinationCheckpoint,
    DestinationCheckpoints,
    Item,
    PublishedVersions,
)
from mti.publisher.settling import settle
from mti.publisher.unrecorded import Unrecorded

log = logging.getLogger(__name__)

SPREAD: Final = timedelta(seconds=10)
"""Over how long parked messages come back at most, so that they do not all come in one instant."""

TENANT_PAUSE: Final = timedelta(minutes=5)
"""How long a message of a paused tenant waits before the registry is asked again."""

_RACES = 8


@dataclass(slots=True)
class _Read:
    """The messages of a session, read."""

    destination: Destination | None = None
    batches: dict[int, list[Item]] = field(default_factory=dict)
    """What may go to the destination, by the message's place."""
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    """Of the other messages."""
    doubtful: bool = False
    """Whether a newer registry may decide otherwise."""


class PublishHandler:
    """Publishes the messages of sessions.

    Args:
        registry: who may send what where.
        versions: what the workspaces hold.
        checkpoints: of the destinations.
        connect: makes the way to a destination; it is made once and kept, since its rate budget must outlive sessions.
        sender: to the topic that the messages came through, for refused parts.
        to: this subscription's name.
        clock: the time.
        rng: the jitter.
        run_started: when a person started this run; what was paused before is probed at once.
        tenant_pause: see `TENANT_PAUSE`.
        check: what the servers say of the machine's clock; `None` where nobody asks.
    """

    def __init__(
        self,
        registry: RegistryProvider,
        versions: PublishedVersions,
        checkpoints: DestinationCheckpoints,
        connect: Callable[[Destination], Sending],
        sender: Sender,
        to: str,
        clock: Clock,
        rng: random.Random,
        *,
        run_started: datetime | None = None,
        tenant_pause: timedelta = TENANT_PAUSE,
        check: ClockCheck | None = None,
    ) -> None:
        self._registry = registry
        self._intake = Intake(registry.current)
        # Pauses go by the machine's clock, like the start of the run that they are compared with.
        self._right_clock = clock if check is None else CorrectedClock(clock, check)
        self._versions = Unrecorded(versions, self._right_clock)
        self._checkpoints = checkpoints
        self._connect = connect
        self._sender = sender
        self._to = to
        self._clock = clock
        self._rng = rng
        self._run_started = run_started
        self._tenant_pause = tenant_pause
        self._check = check
        self._ways: dict[str, tuple[Destination, Sending]] = {}
        self._writable: set[str] = set()

    async def __call__(self, messages: Sequence[Received]) -> Sequence[Outcome]:
        """Return one outcome a message; see `mti.common.hosting.Handler`.

        A host with sessions hands over one session's messages; those of several are told apart and do not touch each
        other.
        """
        sessions: dict[str | None, list[int]] = {}
        for position, message in enumerate(messages):
            sessions.setdefault(message.session_id, []).append(position)
        found = await asyncio.gather(
            *(decide(self._session, [messages[position] for position in places]) for places in sessions.values())
        )
        outcomes: dict[int, Outcome] = {}
        for places, decided in zip(sessions.values(), found, strict=True):
            outcomes |= zip(places, decided, strict=True)
        return [outcomes[position] for position in range(len(messages))]

    async def _session(self, messages: Sequence[Received]) -> Sequence[Outcome]:
        """Handle messages that share a session."""
        read = self._read(messages)
        if read.doubtful:
            await self._registry.look_again()
            read = self._read(messages)
        outcomes = read.outcomes
        if read.destination is not None and read.batches:
            outcomes |= await self._deliver(read.destination, messages, read.batches)
        return [outcomes[position] for position in range(len(messages))]

    def _read(self, messages: Sequence[Received]) -> _Read:
        registry = self._registry.current
        if self._intake.registry is not registry:
            self._intake = Intake(registry)
        read = _Read()
        for position, message in enumerate(messages):
            refused = refusal_of(message)
            if refused is not None:
                read.outcomes[position] = refused
                continue
            try:
                read.destination = self._intake.destination(message)
                read.batches[position] = self._intake.items(message, read.destination, position)
            except Poison as error:
                read.outcomes[position] = DeadLetter(error.reason, error.description)
                read.doubtful |= isinstance(error, Unrouted)
            except Pause as error:
                delay = self._tenant_pause * (1 + self._rng.random() / 10)
                read.outcomes[position] = Park(delay, f"{error.reason}: {error.description}")
                read.doubtful = True
        return read

    async def _deliver(
        self, destination: Destination, messages: Sequence[Received], batches: dict[int, list[Item]]
    ) -> dict[int, Outcome]:
        checkpoint = await self._checkpoints.load(destination.id, DestinationCheckpoint())
        before = checkpoint.value.pause
        if before is not None and before.holds(self._clock.now(), self._run_started):
            _saw(destination, before)
            return {position: self._park(before) for position in batches}
        lease = messages[0].lease
        items = [
            replace(item, tried=item.tried or messages[position].sequence_number <= checkpoint.value.tried)
            for position, batch in batches.items()
            for item in batch
        ]
        batches = {position: [item for item in items if item.message == position] for position in batches}
        checkpoint = await self._begin(checkpoint, items, max(messages[each].sequence_number for each in batches))
        delivery = Delivery(destination.id, self._versions, self._way(destination), self._right_clock, lease)
        if before is not None:
            # A probe that began with the same objects each time could be refused for their sake for ever.
            self._rng.shuffle(items)
        error = await delivery.run(items, probe=before is not None)
        outcomes, parts = self._settled(destination, messages, batches, delivery)
        await self._sender.send(parts)
        settled = [messages[position] for position in outcomes]
        pause = self._pause_after(destination, before, error, reached=delivery.reached)
        await self._save(checkpoint, settled, delivery.counts(), pause)
        _saw(destination, pause)
        if pause is not None:
            outcomes |= {position: self._park(pause) for position in batches if position not in outcomes}
        return outcomes

    async def _begin(
        self, checkpoint: Versioned[DestinationCheckpoint], items: Sequence[Item], tried: int
    ) -> Versioned[DestinationCheckpoint]:
        """Note, before anything is uploaded, what will have been tried and whose it was: what a source brought must be
        found by whoever withdraws it, and what was uploaded when this process is killed is in no books. And once a
        process in any case, so that a store that takes no writes shows before an upload.
        """
        sources, value = {item.source for item in items}, checkpoint.value
        if checkpoint.key in self._writable and value.begun(sources, tried) == value:
            return checkpoint
        checkpoint = await self._change(checkpoint, lambda value: value.begun(sources, tried))
        self._writable.add(checkpoint.key)
        return checkpoint

    def _settled(
        self,
        destination: Destination,
        messages: Sequence[Received],
        batches: dict[int, list[Item]],
        delivery: Delivery,
    ) -> tuple[dict[int, Outcome], list[Outgoing]]:
        outcomes: dict[int, Outcome] = {}
        parts: list[Outgoing] = []
        for position, items in batches.items():
            settling = settle(messages[position], items, delivery.done, destination, self._to)
            if settling is not None:
                outcomes[position] = settling.outcome
                parts += settling.parts
        return outcomes, parts

    def _pause_after(
        self, destination: Destination, before: PauseState | None, error: Pause | None, *, reached: bool
    ) -> PauseState | None:
        """Return the pause that holds from now on, and say so when it begins or ends."""
        names = {"destination": destination.id, "tenants": list(destination.tenants)}
        if before is not None and reached:
            log.info("a destination works again", extra={**names, "reason": before.reason})
            before = None
        if error is None:
            return before
        pause = paused(error, self._clock.now(), before, self._rng)
        news = before is None or before.reason != pause.reason
        log.log(
            logging.WARNING if news else logging.DEBUG,
            "a destination is paused" if news else "a destination is still paused",
            extra={**names, "reason": pause.reason, "description": pause.description, "until": pause.until.isoformat()},
        )
        return pause

    async def finish(self) -> None:
        """Write down what could not be written so far: the process ends."""
        await self._versions.finish()

    async def _save(
        self,
        checkpoint: Versioned[DestinationCheckpoint],
        settled: Sequence[Received],
        counts: Counts,
        pause: PauseState | None,
    ) -> Versioned[DestinationCheckpoint]:
        kept, clock = pause == checkpoint.value.pause, self._clock_note()  # kept: then a person may lift it meanwhile
        return await self._change(
            checkpoint, lambda value: value.moved(settled, counts, value.pause if kept else pause, clock=clock)
        )

    async def _change(
        self,
        checkpoint: Versioned[DestinationCheckpoint],
        change: Callable[[DestinationCheckpoint], DestinationCheckpoint],
    ) -> Versioned[DestinationCheckpoint]:
        for _ in range(_RACES):
            try:
                return await self._checkpoints.save(checkpoint.with_value(change(checkpoint.value)))
            except WriteConflict:
                checkpoint = await self._checkpoints.load(checkpoint.key, DestinationCheckpoint())
        raise StoreUnavailable(
            f"the checkpoint of workspace {checkpoint.key} is being written by somebody else as well"
        )

    def _clock_note(self) -> ClockNote | None:
        ahead = self._check.ahead() if self._check is not None else timedelta()
        return ClockNote(ahead=ahead, at=self._right_clock.now()) if ahead else None

    def _park(self, pause: PauseState) -> Park:
        delay = pause.left(self._clock.now())
        return Park(delay + self._rng.random() * min(SPREAD, delay / 10), f"{pause.reason}: {pause.description}")

    def _way(self, destination: Destination) -> Sending:
        """Return the way; a new one when the tenants file describes the destination otherwise than before."""
        described = replace(destination, tenants=())
        known = self._ways.get(destination.id)
        if known is None or known[0] != described:
            known = (described, self._connect(destination))
            self._ways[destination.id] = known
        return known[1]


def _saw(destination: Destination, pause: PauseState | None) -> None:
    active().instruments.pauses.saw("destination", destination.id, tenant_among(destination.tenants), pause)
