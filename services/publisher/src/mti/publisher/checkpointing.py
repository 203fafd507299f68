"""Keeps the checkpoints of destinations: what a batch begins with, and what it ends with."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from mti.common.checkpoints import Versioned
from mti.common.clock_check import ClockCheck
from mti.common.errors import WriteConflict
from mti.common.pauses import PauseState
from mti.common.ports.bus import Received
from mti.common.ports.clock import Clock
from mti.common.races import until_won
from mti.publisher.records import ClockNote, Counts, DestinationCheckpoint, DestinationCheckpoints, Item

Checkpoint = Versioned[DestinationCheckpoint]


class Checkpointing:
    """Reads and writes the checkpoints of destinations.

    Args:
        checkpoints: the store's.
        clock: the time, right as the servers' is.
        check: what the servers say of the machine's clock; `None` where nobody asks.
    """

    def __init__(self, checkpoints: DestinationCheckpoints, clock: Clock, check: ClockCheck | None) -> None:
        self._checkpoints = checkpoints
        self._clock = clock
        self._check = check
        self._writable: set[str] = set()

    async def load(self, destination: str) -> Checkpoint:
        """Return the checkpoint of a destination.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        return await self._checkpoints.load(destination, DestinationCheckpoint())

    async def begin(self, checkpoint: Checkpoint, items: Sequence[Item], tried: int) -> Checkpoint:
        """Note, before anything is uploaded, what will have been tried and whose it was: what a source brought must be
        found by whoever withdraws it, and what was uploaded when this process is killed is in no books. And once a
        process in any case, so that a store that takes no writes shows before an upload.

        Args:
            checkpoint: as it was read.
            items: the objects that are about to be uploaded.
            tried: the highest sequence number of their messages.

        Raises:
            StoreUnavailable: the store does not take it.
        """
        sources, value = {item.source for item in items}, checkpoint.value
        if checkpoint.key in self._writable and value.begun(sources, tried) == value:
            return checkpoint
        checkpoint = await self._change(checkpoint, lambda value: value.begun(sources, tried))
        self._writable.add(checkpoint.key)
        return checkpoint

    async def end(
        self, checkpoint: Checkpoint, settled: Sequence[Received], counts: Counts, pause: PauseState | None
    ) -> None:
        """Note what became of a batch.

        Args:
            checkpoint: as it was when the batch began.
            settled: the messages that are dealt with.
            counts: what the batch adds.
            pause: the pause that holds from now on.

        Raises:
            StoreUnavailable: the store does not take it.
        """
        kept, clock = pause == checkpoint.value.pause, self._clock_note()  # kept: then a person may lift it meanwhile
        await self._change(
            checkpoint, lambda value: value.moved(settled, counts, value.pause if kept else pause, clock=clock)
        )

    async def _change(
        self, checkpoint: Checkpoint, change: Callable[[DestinationCheckpoint], DestinationCheckpoint]
    ) -> Checkpoint:
        read = checkpoint

        async def attempt() -> Checkpoint:
            nonlocal read
            try:
                return await self._checkpoints.save(read.with_value(change(read.value)))
            except WriteConflict:
                read = await self.load(checkpoint.key)
                raise WriteConflict(f"the checkpoint of workspace {checkpoint.key} is being written") from None

        return await until_won(attempt)

    def _clock_note(self) -> ClockNote | None:
        ahead = self._check.ahead() if self._check is not None else timedelta()
        return ClockNote(ahead=ahead, at=self._clock.now()) if ahead else None
