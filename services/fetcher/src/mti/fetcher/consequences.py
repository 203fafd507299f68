"""What follows for a source from a page that is published, and from one that failed. Pure: what decides has no await.

The handler saves the checkpoint, says what there is to say, sends the next job and settles its own, in this order.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from mti.common.backoff import Backoff
from mti.common.clock_check import REASON as CLOCK_SKEW
from mti.common.contracts import count_of
from mti.common.contracts.envelope import PARKS, RETRIES
from mti.common.errors import Pause, Retry
from mti.common.hosting import outcome_of
from mti.common.hosting.settler import RETRY_LIMIT
from mti.common.pauses import paused
from mti.common.ports.settlement import Complete, Outcome, Park
from mti.common.registry import MimecastAccount, Source
from mti.common.server_time import ServerTime
from mti.fetcher import notices, windows
from mti.fetcher.claims import ClaimedSource
from mti.fetcher.mimecast import NoAnswer, PartlyUnreadable, TokenRefused, subject_of
from mti.fetcher.notices import Notice
from mti.fetcher.pacing import wait_for
from mti.fetcher.records.checkpoint import SourceCheckpoint
from mti.fetcher.records.checkpoint_parts import Damage
from mti.fetcher.silence import NotAsked
from mti.fetcher.timetable import Run, wants_page

NOT_ASKED: Final = Backoff(first=timedelta(seconds=30), longest=timedelta(minutes=5))
"""Of sources that wait for a silent host. They cost nothing, and are to be there soon when it is back."""
WAITS: Final = 4
"""How often a job waits because nobody answers, before its source is paused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPage:
    """A page that is out: what is left to be known of it, without its records."""

    token: str | None
    """Leads to the next page."""
    empty: bool
    """Whether it brought nothing at all."""
    free_in: timedelta | None
    """How long the account has to wait before its next call; `None` when nothing says so."""
    asked_at: datetime
    """When it was asked for."""
    time: ServerTime | None
    """The same by Mimecast's clock, and how far that is from ours; `None` when it says nothing."""

    @property
    def last(self) -> bool:
        """Whether it ends its window, whatever token stands beside it."""
        return self.token is None or self.empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What decisions depend on beside the source: time and chance, how this run goes, and a setting."""

    now: datetime
    rng: random.Random
    run: Run
    spacing: timedelta
    """From one call of a source to the next one, at least."""

    @property
    def spaced(self) -> datetime | None:
        """When the next call may be made after one that failed a moment ago; `None` is at once."""
        return self.now + self.spacing if self.spacing else None


@dataclass(frozen=True, slots=True)
class NextJob:
    """The job for the source's next page."""

    due: datetime | None = None
    """`None` is at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What follows, if the source is still in the job's hands when the checkpoint is saved; else the job just ends."""

    checkpoint: SourceCheckpoint
    notice: Notice | None = None
    next_job: NextJob | None = None
    outcome: Outcome = field(default_factory=Complete)
    """What becomes of the job in hand."""


def after_page(
    claimed: ClaimedSource, page: PublishedPage, line_age: timedelta, circumstances: Circumstances
) -> Consequence:
    """Return what follows from a page that is published.

    Args:
        claimed: the source, with the window open that the page is of.
        page: what came.
        line_age: how long the chunks at the head of `raw-pages` have waited: a source with a backlog waits as long.
        circumstances: of the moment.
    """
    now, before = circumstances.now, claimed.checkpoint
    bounded = windows.reached(before, page.time)
    step = windows.advanced(bounded, claimed.source, page.token, brought=not page.empty)
    if step.looped:
        return _refused(step.checkpoint, claimed, loop(claimed.source, claimed.account), circumstances)
    more = wants_page(step.checkpoint, now, circumstances.run)
    resume_at = now + page.free_in if page.free_in else None
    if more and page.asked_at + circumstances.spacing > now:
        resume_at = max(page.asked_at + circumstances.spacing, resume_at or now)
    due, wait = resume_at, wait_for(line_age)
    if wait is not None and step.checkpoint.window is not None:
        due = max(now + wait, resume_at or now)
    return Consequence(
        checkpoint=step.checkpoint.succeeded(now=now, resume_at=resume_at, queued_at=(due or now) if more else None),
        notice=None if before.pause is None else notices.resumed(claimed.source.id, before.pause),
        next_job=NextJob(due) if more else None,
    )


def after_failure(claimed: ClaimedSource, error: Exception, circumstances: Circumstances) -> Consequence:
    """Return what follows from a page that could not be fetched or published.

    Args:
        claimed: the source, and the job whose copies are counted.
        error: a `Retry` or a `Pause` says whose fault it is; anything else is a bug of ours.
        circumstances: of the moment.
    """
    match error:
        case TokenRefused():
            return _after_refused_token(claimed, error, circumstances)
        case NotAsked():
            return _after_silence(claimed, error, circumstances)
        case Retry():
            return _after_passing_failure(claimed, error, circumstances)
        case Pause():
            return _refused(claimed.checkpoint, claimed, error, circumstances)
    return _refused(claimed.checkpoint, claimed, bug(claimed.source, claimed.account, error), circumstances)


def _after_refused_token(claimed: ClaimedSource, error: TokenRefused, circumstances: Circumstances) -> Consequence:
    if claimed.checkpoint.restarted:
        return _refused(claimed.checkpoint.at_first_page(), claimed, error, circumstances)
    return Consequence(
        checkpoint=claimed.checkpoint.token_refused(now=circumstances.now),
        notice=notices.begun_anew(claimed.source.id, error),
        next_job=NextJob(circumstances.spaced),
    )


def _after_silence(claimed: ClaimedSource, error: NotAsked, circumstances: Circumstances) -> Consequence:
    """Let a job wait whose call was not made; in the end the source is paused, as if it had been made in vain."""
    if claimed.checkpoint.pause is not None or count_of(claimed.message, PARKS) >= WAITS:
        return _paused(not_asked(claimed.checkpoint, error, circumstances.now, circumstances.rng), claimed)
    delay = error.delay or timedelta()
    return Consequence(
        checkpoint=claimed.checkpoint.waiting(until=circumstances.now + delay),
        outcome=Park(delay, f"{error.reason}: {error.description}"),
    )


def _after_passing_failure(claimed: ClaimedSource, error: Retry, circumstances: Circumstances) -> Consequence:
    checkpoint, now = claimed.checkpoint, circumstances.now
    # One silent call shows that a pause is not over; eight more would only hold a job.
    in_vain = isinstance(error, NoAnswer) and checkpoint.pause is not None
    if in_vain or count_of(claimed.message, RETRIES) >= RETRY_LIMIT:
        return _refused(checkpoint, claimed, Pause(error.reason, error.description, error.delay), circumstances)
    resume_at = now + error.delay if error.delay else None
    return Consequence(
        checkpoint=checkpoint.put_off(now=now, resume_at=resume_at, damage=_damage(checkpoint, error)),
        outcome=outcome_of(error, claimed.message),
    )


def _refused(
    checkpoint: SourceCheckpoint, claimed: ClaimedSource, error: Pause, circumstances: Circumstances
) -> Consequence:
    """Return what follows when an account is refused: the next one takes over, or a pause when all failed in a row.

    A token belongs to the account that it was given to, so that the window begins anew with another account.
    """
    now, rng, source = circumstances.now, circumstances.rng, claimed.source
    if error.reason == CLOCK_SKEW:
        return _paused(distrusted(checkpoint, error, now, rng), claimed)
    before = checkpoint.pause or checkpoint.lifted
    if len(source.accounts) == 1:
        return _paused(checkpoint.refused(paused(error, now, before, rng)), claimed)
    following = windows.account_after(claimed.account, source).tenant
    if checkpoint.accounts_failed + 1 < len(source.accounts):
        return Consequence(
            checkpoint=checkpoint.handed_on(following, now=now),
            notice=notices.handed_on(source.id, claimed.account.tenant, following, error),
            next_job=NextJob(circumstances.spaced),
        )
    text = f"all {len(source.accounts)} accounts of the region failed, the last one so: {error.description}"
    pause = paused(Pause(error.reason, text, error.delay), now, before, rng)
    return _paused(checkpoint.with_account(following).refused(pause), claimed)


def _paused(checkpoint: SourceCheckpoint, claimed: ClaimedSource) -> Consequence:
    assert checkpoint.pause is not None  # noqa: S101  by its callers
    return Consequence(checkpoint=checkpoint, notice=notices.paused(claimed.source.id, checkpoint.pause))


def not_asked(checkpoint: SourceCheckpoint, error: Pause, now: datetime, rng: random.Random) -> SourceCheckpoint:
    """Return the checkpoint of a source that is paused without having been asked for: the account stays the same."""
    before = checkpoint.pause or checkpoint.lifted
    return checkpoint.paused(paused(error, now, before, rng, NOT_ASKED))


def distrusted(checkpoint: SourceCheckpoint, error: Pause, now: datetime, rng: random.Random) -> SourceCheckpoint:
    """Return the checkpoint of a source that is paused because this machine's clock is wrong: nobody else's fault.

    A window that was begun by that clock is no window; one of which pages were published was begun by a better one.
    """
    value = not_asked(checkpoint, error, now, rng)
    return value if checkpoint.page else value.without_window()


def loop(source: Source, account: MimecastAccount) -> Pause:
    """Return the error for a window whose tokens go round in a circle."""
    return Pause(
        "TokenLoop",
        f"{subject_of(source.id, account.tenant)}: the feed's next-page token repeats, so that its window never ends."
        " What came was published, and the window is asked for anew at the next probe; if it goes on, report it to"
        " Mimecast's support",
    )


def bug(source: Source, account: MimecastAccount, error: Exception) -> Pause:
    """Return the error that keeps the schedule from sending job after job into a fault of our own."""
    return Pause(
        "Bug",
        f"{subject_of(source.id, account.tenant)}: {type(error).__name__} while a page was handled, a fault of this"
        " release: report it with the log of the job, which is dead-lettered, and upgrade",
    )


def _damage(checkpoint: SourceCheckpoint, error: Retry) -> Damage | None:
    before = checkpoint.damage
    if not isinstance(error, PartlyUnreadable):
        return before
    times = before.times if before is not None and before.digest == error.damage else 0
    return Damage(digest=error.damage, times=times + 1)
