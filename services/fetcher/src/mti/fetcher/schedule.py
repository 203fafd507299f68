"""Puts a job on the queue for every source that is due. Run it every minute, on as many instances as there are.

It writes nothing: a job that is on its way is known by its MessageId alone, which follows from the revision of the
checkpoint and a slot of five minutes. Who sends it once more in that time uses the same one, and the bus drops it.

**No job is ever lost**, whoever dies when:

- *Before or after the job is sent.* The next run sends it, or sends it again.
- *Two instances at once.* Both send the same MessageId; where one of them is in the next slot already, the second job
  finds a claim, or nothing to do.
- *The handler dies* with a claim: its message comes again when the lock runs out, and takes its own claim over. Should
  the message be gone (dead-lettered by hand, a queue that was emptied), the claim ends after five minutes and the
  source is due as before.
- *The handler dies between saving the checkpoint and sending the next job*: its own message comes again and does the
  next page itself. If that message is gone too, `queued_at` grows old, and after five minutes a new job is sent.
- *The job is gone before anybody claimed the source.* The next slot's is another one.

What this process has sent it does not send again for five minutes, so that a line of jobs that wait costs the bus
nothing. It is forgotten with the process, which is no loss.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mti.common.contracts import job_message
from mti.common.errors import Unavailable
from mti.common.hosting.pulse import Pulse
from mti.common.ports.bus import Outgoing, Sender
from mti.common.ports.clock import Clock
from mti.common.registry import RegistryProvider
from mti.common.telemetry import beginning
from mti.fetcher.records.checkpoint import SourceCheckpoint
from mti.fetcher.records.checkpoints import SourceCheckpoints
from mti.fetcher.timetable import QUEUED_FOR, Run, needs_job, slot_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A job that this process has sent."""

    revision: int
    job: str
    """Its MessageId."""
    at: float
    """Seconds of the monotonic clock."""


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
        self._sent: Mapping[str, _Sent] = {}

    async def run_once(self) -> int:
        """Send the jobs that are needed now, and return how many.

        Raises:
            BusUnavailable, StoreUnavailable: nothing is lost; the next run does it.
        """
        now, moment = self._clock.now(), self._clock.monotonic()
        known = {key: value async for key, value in self._checkpoints.all()}  # one query for all of them
        slot = slot_of(now, self._run)
        queued: dict[str, _Sent] = {}
        jobs: list[Outgoing] = []
        for source in self._registry.current.sources.values():
            checkpoint = known.get(source.id, SourceCheckpoint())
            if source.paused or not needs_job(checkpoint, now, self._run):
                continue
            job = job_message(source.id, checkpoint.revision, slot=slot)
            sent = self._sent.get(source.id)
            if sent is None or not _is_queued(sent, checkpoint.revision, job.message_id, moment):
                sent = _Sent(checkpoint.revision, job.message_id, moment)
                jobs.append(beginning("fetch job", job))
            queued[source.id] = sent
        await self._jobs.send(jobs)
        self._sent = queued
        if jobs:
            log.debug("jobs are queued", extra={"jobs": len(jobs)})
        return len(jobs)


def _is_queued(sent: _Sent, revision: int, job: str, moment: float) -> bool:
    """Say whether a job that was sent may still come, or the one that would be sent now is that very one."""
    return sent.job == job or (sent.revision == revision and moment - sent.at < _QUEUED_SECONDS)


_QUEUED_SECONDS: Final = QUEUED_FOR.total_seconds()


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
