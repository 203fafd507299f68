"""Puts a job on the queue for every source that is due. Run it every minute, on as many instances as there are.

**No job is ever lost**, whoever dies when:

- *After the job is sent, before `queued_at` is saved.* The next run sends it again, under the same MessageId, since
  that follows from the revision: the bus drops it, or the handler finds that there is nothing to do.
- *Two instances at once.* Both send the same MessageId; one of them saves `queued_at`, the other's save is refused,
  which is fine.
- *The handler was quicker than the save.* The save is refused: the checkpoint has moved on already. In the other order
  the handler's claim is refused once, and decided anew.
- *The handler dies* with a claim: its message comes again when the lock runs out, and takes its own claim over. Should
  the message be gone (dead-lettered by hand, a queue that was emptied), the claim ends after five minutes and the
  source is due as before.
- *The handler dies between saving the checkpoint and sending the next job*: its own message comes again and does the
  next page itself. If that message is gone too, `queued_at` grows old, and after five minutes a new job is sent.

The job is sent *before* `queued_at` is saved, since the other order would leave the source without a job for five
minutes. And it carries the revision that the save makes, not the one that was read: the handler has already used that
one for the job that now counts as lost, and duplicate detection would swallow a second one of the same name.
"""

import asyncio
import contextlib
import logging
from datetime import datetime

from mti.common.contracts import job_message
from mti.common.errors import Unavailable, WriteConflict
from mti.common.hosting.pulse import Pulse
from mti.common.ports.bus import Sender
from mti.common.ports.clock import Clock
from mti.common.registry import RegistryProvider
from mti.common.telemetry import beginning
from mti.fetcher.records.checkpoint import SourceCheckpoint, SourceCheckpoints
from mti.fetcher.timetable import Run, needs_job

log = logging.getLogger(__name__)


class Schedule:
    """The timer's work.

    Args:
        registry: the sources; those that are paused are left alone.
        checkpoints: of the sources.
        jobs: to the queue `fetch-jobs`.
        clock: the time.
        run: how this run goes.
    """

    def __init__(
        self, registry: RegistryProvider, checkpoints: SourceCheckpoints, jobs: Sender, clock: Clock, run: Run
    ) -> None:
        self._registry = registry
        self._checkpoints = checkpoints
        self._jobs = jobs
        self._clock = clock
        self._run = run

    async def run_once(self) -> int:
        """Send the jobs that are needed now, and return how many.

        Raises:
            BusUnavailable, StoreUnavailable: nothing is lost; the next run does it.
        """
        now = self._clock.now()
        # One query for all of them; only those that are due are read again, to be saved.
        known = {key: value async for key, value in self._checkpoints.all()}
        due = [
            (source.id, checkpoint.revision + 1)
            for source in self._registry.current.sources.values()
            if not source.paused and needs_job(checkpoint := known.get(source.id, SourceCheckpoint()), now, self._run)
        ]
        await self._jobs.send([beginning("fetch job", job_message(source, revision)) for source, revision in due])
        for source, revision in due:
            await self._queued(source, revision, now)
        if due:
            log.debug("jobs are queued", extra={"jobs": len(due)})
        return len(due)

    async def _queued(self, source: str, revision: int, now: datetime) -> None:
        versioned = await self._checkpoints.load(source, SourceCheckpoint())
        if versioned.value.revision + 1 != revision:
            return  # a handler was quicker
        try:
            await self._checkpoints.save(versioned.with_value(versioned.value.queued(due=now)))
        except WriteConflict:
            log.debug("a handler was quicker than the schedule", extra={"source": source})


async def keep_schedule(schedule: Schedule, seconds: float, stop: asyncio.Event, pulse: Pulse | None = None) -> None:
    """Send jobs for the sources that are due, at once and then again and again, until `stop` is set.

    Args:
        schedule: sends them.
        seconds: between two runs.
        stop: ends it.
        pulse: is told that a run is in hand.
    """
    pulse = pulse or Pulse()
    while not stop.is_set():
        try:
            with pulse.at("a run of the schedule"):
                await schedule.run_once()
        except Unavailable as error:
            log.warning("the schedule could not run and runs again soon", extra={"why": error.description})
        except Exception:
            log.exception("a bug: the schedule could not run and runs again soon; the jobs in hand go on")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
