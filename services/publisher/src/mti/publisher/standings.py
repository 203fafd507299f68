"""Where destinations stand: what a batch begins and ends with in their checkpoints, and whether they are left alone."""

import logging
import random
import uuid
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mti.common.checkpoints import Versioned
from mti.common.clock_check import ClockCheck, CorrectedClock
from mti.common.errors import LockLost, StoreUnavailable, WriteConflict
from mti.common.pauses import PauseState, paused
from mti.common.ports.bus import Received
from mti.common.ports.clock import Clock
from mti.common.ports.settlement import Park
from mti.common.races import until_won
from mti.common.registry import Destination
from mti.common.telemetry import active
from mti.common.telemetry.attributes import tenant_among
from mti.publisher.delivery import Delivered
from mti.publisher.records import ClockNote, DestinationCheckpoint, DestinationCheckpoints

log = logging.getLogger(__name__)

SPREAD: Final = timedelta(seconds=10)
"""Over how long parked messages come back at most, so that they do not all come in one instant."""
TAKEOVER: Final = timedelta(seconds=30)
"""How long the requests of another process that ended in the middle of them are waited for."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a destination stood when a batch began."""

    destination: Destination
    checkpoint: Versioned[DestinationCheckpoint]
    pause: PauseState | None
    """The last pause; one that does not hold any more is ended by a probe."""
    holds: PauseState | None
    """The same, if it holds now: then the destination is left alone."""
    tried: int
    """The highest sequence number of a message that anything was uploaded of, or may have been."""


class Standings:
    """Reads and writes where destinations stand.

    Args:
        checkpoints: the store's.
        clock: the machine's own, like the start of the run that pauses are compared with.
        rng: the jitter.
        run_started: when a person started this run; what was paused before is probed at once.
        check: what the servers say of the machine's clock; `None` where nobody asks.
        takeover: see `TAKEOVER`.
    """

    def __init__(
        self,
        checkpoints: DestinationCheckpoints,
        clock: Clock,
        rng: random.Random,
        run_started: datetime | None,
        check: ClockCheck | None,
        takeover: timedelta = TAKEOVER,
    ) -> None:
        self._checkpoints = checkpoints
        self._clock = clock
        self._rng = rng
        self._run_started = run_started
        self._check = check
        self._takeover = takeover
        self._process = uuid.uuid4().hex
        self._writable: set[str] = set()

    async def begin(self, destination: Destination, messages: Sequence[Received], sources: Collection[str]) -> Standing:
        """Return where a destination stands; where it is not left alone, note first what is about to be tried.

        What a source brought must be found by whoever withdraws it, and what was uploaded when this process is killed
        is in no books. It is noted once a process in any case, so that a store that takes no writes shows before an
        upload. Where another process has not said that its requests ended, they may still arrive, and put an older
        version over a newer one: they are waited for first.

        Args:
            destination: the workspace.
            messages: what is about to be delivered there.
            sources: of it.

        Raises:
            StoreUnavailable: the store does not answer, or does not take it.
            LockLost: another process began to upload there since this one looked.
        """
        checkpoint = await self._load(destination.id)
        value, pause = checkpoint.value, checkpoint.value.pause
        if pause is not None and pause.holds(self._clock.now(), self._run_started):
            _measure(destination, pause)
            return Standing(destination, checkpoint, pause, pause, value.tried)
        before = value.begun_by
        if before not in {None, self._process}:
            await self._others_have_ended(destination)
        latest = max(message.sequence_number for message in messages)

        def begun(value: DestinationCheckpoint) -> DestinationCheckpoint:
            if value.begun_by not in {None, self._process, before}:
                raise LockLost(
                    f"workspace {destination.id}: another publisher began to upload there meanwhile; what is left is "
                    "handed out again"
                )
            return value.begun(sources, latest, self._process)

        if destination.id not in self._writable or value.begun(sources, latest, self._process) != value:
            checkpoint = await self._change(checkpoint, begun)
            self._writable.add(destination.id)
        return Standing(destination, checkpoint, pause, None, value.tried)

    async def end(self, standing: Standing, settled: Sequence[Received], delivered: Delivered) -> PauseState | None:
        """Note what became of a batch, and return the pause that holds from now on.

        Args:
            standing: as the batch began.
            settled: the messages that are dealt with.
            delivered: what became of their objects.

        Raises:
            StoreUnavailable: the store does not take it.
        """
        pause = self._pause_after(standing.destination, standing.pause, delivered)
        kept, clock = pause == standing.pause, self._clock_note()  # kept: then a person may lift it meanwhile
        await self._change(
            standing.checkpoint,
            lambda value: value.moved(
                settled, delivered.counts, value.pause if kept else pause, clock=clock, by=self._process
            ),
        )
        _measure(standing.destination, pause)
        return pause

    async def give_up(self, standing: Standing) -> None:
        """Note that a batch failed and that all its requests have ended, as far as the store takes it.

        It is the failure that is told; who takes over waits in vain where this could not be noted.
        """
        with suppress(StoreUnavailable):
            await self._change(standing.checkpoint, lambda value: value.given_up(self._process))

    def park(self, pause: PauseState) -> Park:
        """Return the outcome of a message that waits until the pause ends."""
        delay = pause.left(self._clock.now())
        return Park(delay + self._rng.random() * min(SPREAD, delay / 10), f"{pause.reason}: {pause.description}")

    async def _others_have_ended(self, destination: Destination) -> None:
        """Wait until no request of a process that died can arrive any more, and say so."""
        log.warning(
            "a publisher ended in the middle of requests; another waits until none of them can arrive any more",
            extra={
                "destination": destination.id,
                "tenants": list(destination.tenants),
                "seconds": self._takeover / timedelta(seconds=1),
            },
        )
        await self._clock.sleep(self._takeover / timedelta(seconds=1))

    def _pause_after(
        self, destination: Destination, before: PauseState | None, delivered: Delivered
    ) -> PauseState | None:
        """Return the pause that holds from now on, and say so when it begins or ends."""
        names = {"destination": destination.id, "tenants": list(destination.tenants)}
        if before is not None and delivered.reached:
            log.info("a destination works again", extra={**names, "reason": before.reason})
            before = None
        if delivered.error is None:
            return before
        pause = paused(delivered.error, self._clock.now(), before, self._rng)
        news = before is None or before.reason != pause.reason
        log.log(
            logging.WARNING if news else logging.DEBUG,
            "a destination is paused" if news else "a destination is still paused",
            extra={**names, "reason": pause.reason, "description": pause.description, "until": pause.until.isoformat()},
        )
        return pause

    async def _load(self, destination: str) -> Versioned[DestinationCheckpoint]:
        return await self._checkpoints.load(destination, DestinationCheckpoint())

    async def _change(
        self,
        checkpoint: Versioned[DestinationCheckpoint],
        change: Callable[[DestinationCheckpoint], DestinationCheckpoint],
    ) -> Versioned[DestinationCheckpoint]:
        read = checkpoint

        async def attempt() -> Versioned[DestinationCheckpoint]:
            nonlocal read
            try:
                return await self._checkpoints.save(read.with_value(change(read.value)))
            except WriteConflict:
                read = await self._load(checkpoint.key)
                raise WriteConflict(f"the checkpoint of workspace {checkpoint.key} is being written") from None

        return await until_won(attempt)

    def _clock_note(self) -> ClockNote | None:
        if self._check is None or not (ahead := self._check.ahead()):
            return None
        return ClockNote(ahead=ahead, at=CorrectedClock(self._clock, self._check).now())


def _measure(destination: Destination, pause: PauseState | None) -> None:
    """Tell the metrics whether a destination is paused."""
    active().instruments.pauses.record("destination", destination.id, tenant_among(destination.tenants), pause)
