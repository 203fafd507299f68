"""When a source is to be fetched, and whether somebody is at it already. Pure; schedule and handler share it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from mti.fetcher.records.checkpoint import SourceCheckpoint
from mti.fetcher.records.checkpoint_parts import AHEAD, Claim

QUEUED_FOR: Final = timedelta(minutes=5)
"""How long a job that was put on the queue is waited for before it counts as lost and another is sent."""
CLAIMED_FOR: Final = timedelta(minutes=5)
"""How long a job may have a source in hand; it outlasts every call of a page."""


@dataclass(frozen=True, slots=True)
class Run:
    """How this run of the service goes."""

    started: datetime | None = None
    """When a person started it: what was paused or claimed before that is tried at once."""
    until_idle: bool = False
    """Every source is fetched up to the start of the run, and then no more."""


class Delivery(NamedTuple):
    """Which delivery of a job this is."""

    by: str
    """MessageId and delivery count."""
    sequence: int
    """The number of its message in the queue."""


def wants_page(checkpoint: SourceCheckpoint, now: datetime, run: Run) -> bool:
    """Say whether there is something to fetch, pauses and rate limits aside."""
    if run.until_idle and run.started is not None:
        # Windows end at whole seconds: one that is opened in the first second of the run would not reach its start.
        return now >= _next_second(run.started) and not checkpoint.is_covered(run.started, now)
    if checkpoint.covered_until is not None and checkpoint.covered_until > now + AHEAD:
        return True  # a clock was wrong, and when the source is due was said by the same one
    return checkpoint.window is not None or checkpoint.next_due is None or now >= checkpoint.next_due


def is_paused(checkpoint: SourceCheckpoint, now: datetime, run: Run) -> bool:
    """Say whether a pause holds."""
    return checkpoint.pause is not None and checkpoint.pause.holds(now, run.started)


def needs_job(checkpoint: SourceCheckpoint, now: datetime, run: Run) -> bool:
    """Say whether a job has to be sent: the source is due, and none has it in hand or is on its way."""
    limited = checkpoint.resume_at is not None and now < checkpoint.resume_at
    if limited or is_paused(checkpoint, now, run) or not wants_page(checkpoint, now, run):
        return False
    if checkpoint.claim is not None and checkpoint.claim.holds(now, run.started):
        return False
    return not checkpoint.queued_since(now, QUEUED_FOR, run.started)


def slot_of(now: datetime, run: Run) -> datetime:
    """Return when the span of time began in which one job for a checkpoint is enough; a run's first begins with it."""
    anchor = run.started or datetime.fromtimestamp(0, UTC)
    return anchor + (now - anchor) // QUEUED_FOR * QUEUED_FOR


def is_taken(checkpoint: SourceCheckpoint, job: str, delivery: Delivery, now: datetime, run: Run) -> bool:
    """Say whether another job has the source in hand, or another message of this one.

    A new delivery or a copy of the job that has it takes over: it comes because the earlier one is gone. So does the
    same message under the same count: it is handed to one at a time, and a broker that went away may have forgotten
    to whom, without counting that.
    """
    claim = checkpoint.claim
    if claim is None or not claim.holds(now, run.started):
        return False
    return claim.job != job or (claim.by == delivery.by and claim.sequence != delivery.sequence)


def claim_of(job: str, delivery: Delivery, nonce: str, now: datetime) -> Claim:
    """Return a claim from now on."""
    return Claim(job=job, by=delivery.by, sequence=delivery.sequence, nonce=nonce, since=now, until=now + CLAIMED_FOR)


def _next_second(moment: datetime) -> datetime:
    whole = moment.replace(microsecond=0)
    return whole if whole == moment else whole + timedelta(seconds=1)
