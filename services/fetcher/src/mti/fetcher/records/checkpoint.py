"""The fetcher's checkpoint: one a source. It changes by its named transitions alone, and each is a revision.

Which transition is due, the modules around it decide; here is what each does to the document.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Self, TypedDict, Unpack

from pydantic import AwareDatetime, BaseModel, ConfigDict

from mti.common.checkpoints import Checkpoints, Versioned
from mti.common.errors import WriteConflict
from mti.common.pauses import PauseState
from mti.common.ports.store import Container

CONTAINER: Final = "checkpoints"
AHEAD: Final = timedelta(minutes=3)
"""What was noted further in the future than this was noted by a clock that was wrong: it is not believed."""
QUEUED_AHEAD: Final = timedelta(hours=2)
"""The same for a job's due time, which may be as far ahead as a rate limit lasts."""
KIND: Final = "source"
"""The partition of all of them."""


class Window(BaseModel):
    """The span of time that is being fetched, page by page."""

    model_config = ConfigDict(frozen=True)

    start: AwareDatetime
    end: AwareDatetime
    reached: AwareDatetime | None = None
    """Where it really ends, when it was not yet `end` at Mimecast as the first page was asked for; else `None`."""


class TokenMemory(BaseModel):
    """What is remembered of a window's tokens, so that a circle of any length is noticed (Brent's algorithm).

    One digest is kept and compared with all that follow; after 1, 2, 4, … steps it is replaced.
    """

    model_config = ConfigDict(frozen=True)

    digest: str | None = None
    power: int = 1
    steps: int = 0


class Damage(BaseModel):
    """A part of the page that is asked for can't be read."""

    model_config = ConfigDict(frozen=True)

    digest: str
    """The same as long as it is the same damage."""
    times: int = 1
    """How often it came, in a row."""


class Claim(BaseModel):
    """A job has the source in hand."""

    model_config = ConfigDict(frozen=True)

    job: str
    """The job's CloudEvents id, the same for all its copies."""
    by: str
    """Which delivery of it: MessageId and delivery count."""
    sequence: int | None = None
    """The number of its message in the queue, which a message keeps; `None` in a claim of an earlier release."""
    nonce: str
    """Tells two that handle the same delivery apart."""
    since: AwareDatetime
    until: AwareDatetime

    def holds(self, now: datetime, run_started: datetime | None) -> bool:
        """Say whether the job may still be at it; what a run before this one had in hand, nobody has."""
        if self.since > now + AHEAD:
            return False  # made by a clock that was wrong, or wrong the other way is ours; compare-and-set decides
        return now < self.until and (run_started is None or self.since >= run_started)


class SourceCheckpoint(BaseModel):
    """Where the fetching of a source stands."""

    model_config = ConfigDict(frozen=True)

    revision: int = 0
    """Rises at every transition, so at every save: each job has a MessageId of its own."""
    epoch: int = 0
    """How often a person reset it: a re-fetch on purpose has to pass duplicate detection."""
    covered_until: AwareDatetime | None = None
    """The end of the last window that was closed: all that Mimecast had published by then was fetched."""
    asked_until: AwareDatetime | None = None
    """The same by this machine's clock, where that is ahead of Mimecast's; else `None`. It says when a run is done."""
    window: Window | None = None
    """The one that is open."""
    token: str | None = None
    """Leads to the window's next page; `None` is its first."""
    page: int = 0
    """How many pages of the window are published."""
    tokens: TokenMemory = TokenMemory()
    damage: Damage | None = None
    """What is wrong with the page that is asked for next, if that was seen."""
    account: str | None = None
    """The tenant whose Mimecast account fetches; it matters where several share the source."""
    accounts_failed: int = 0
    """How many of these failed in a row."""
    restarted: bool = False
    """Whether the open window was already asked for anew because its token was refused."""
    claim: Claim | None = None
    queued_at: AwareDatetime | None = None
    """When the job that follows a page, or the copy of one that failed, was put on the queue, or is due; `None` when it
    has come or there is none. Jobs of the schedule are not noted."""
    resume_at: AwareDatetime | None = None
    """When the next call may be made: Mimecast's rate limit is free again, and calls have their distance."""
    pause: PauseState | None = None
    lifted: PauseState | None = None
    """The pause that ended in this window; one that begins before the window is closed grows from it."""
    failures: int = 0
    """In a row."""
    last_success: AwareDatetime | None = None
    next_due: AwareDatetime | None = None

    def without_job(self) -> Self:
        """The job that was on its way has come to nothing: the schedule need not wait for it, and the next one is not
        taken for it.
        """
        return self._changed(queued_at=None)

    def with_account(self, account: str) -> Self:
        """Another account fetches. A token belongs to the account that it was given to: the window begins anew."""
        return self._changed(**_FIRST_PAGE, account=account)

    def with_window(self, window: Window) -> Self:
        """That window is open, and none of its pages is published."""
        return self._changed(**_FIRST_PAGE, window=window, restarted=False)

    def without_window(self) -> Self:
        """No window is open, and the one that was did not happen."""
        return self._changed(**_FIRST_PAGE, window=None, restarted=False)

    def at_first_page(self) -> Self:
        """The open window begins anew; its bounds stay as they are."""
        return self._changed(**_FIRST_PAGE)

    def bounded(self, *, reached: datetime) -> Self:
        """The open window ends sooner than was asked for: it was not yet its `end` at Mimecast."""
        assert self.window is not None  # noqa: S101  nobody asks for a page without a window
        window = Window(start=self.window.start, end=self.window.end, reached=reached)
        return self._changed(window=window)

    def claimed(self, claim: Claim) -> Self:
        """A job has the source in hand, and so is no longer on its way."""
        return self._changed(claim=claim, queued_at=None)

    def renewed(self, *, until: datetime) -> Self:
        """The job that has the source in hand keeps it until then."""
        assert self.claim is not None  # noqa: S101  only what is claimed is renewed
        claim = self.claim
        return self._changed(claim=Claim(job=claim.job, by=claim.by, nonce=claim.nonce, since=claim.since, until=until))

    def released(self, *, now: datetime) -> Self:
        """The job gives the source back as it was; it comes again as the same delivery."""
        return self._changed(claim=None, queued_at=now)

    def advanced(self, *, token: str, tokens: TokenMemory) -> Self:
        """A page is published, and the token leads to the next one."""
        return self._changed(token=token, page=self.page + 1, tokens=tokens, damage=None)

    def closed(self, *, covered_until: datetime, asked_until: datetime | None, next_due: datetime) -> Self:
        """The last page of the window is published."""
        return self._changed(
            **_FIRST_PAGE,
            window=None,
            restarted=False,
            covered_until=covered_until,
            asked_until=asked_until,
            next_due=next_due,
        )

    def succeeded(self, *, now: datetime, resume_at: datetime | None, queued_at: datetime | None) -> Self:
        """The job is done with its page, after `advanced` or `closed`: it gives the source back, and a pause is over.

        Args:
            now: the time.
            resume_at: before this no call may be made.
            queued_at: when the next page's job is due; `None` when there is none.
        """
        closed = self.window is None
        return self._changed(
            claim=None,
            pause=None,
            lifted=None if closed else self.pause or self.lifted,
            failures=0,
            # Else two accounts that fail at the same page would take turns at it for ever.
            accounts_failed=0 if closed else self.accounts_failed,
            last_success=now,
            resume_at=resume_at,
            queued_at=queued_at,
        )

    def put_off(self, *, now: datetime, resume_at: datetime | None, damage: Damage | None) -> Self:
        """The page failed, and the job comes again as a copy: nobody has the source in hand until then.

        Args:
            now: the time.
            resume_at: before this Mimecast is not to be called; `None` when it did not say.
            damage: what is wrong with the page, if that was seen.
        """
        return self._changed(
            claim=None,
            failures=self.failures + 1,
            queued_at=resume_at or now,
            resume_at=resume_at or self.resume_at,
            damage=damage,
        )

    def waiting(self, *, until: datetime) -> Self:
        """The job waits until then, though nothing failed."""
        return self._changed(claim=None, queued_at=until)

    def paused(self, pause: PauseState) -> Self:
        """The source is left alone, and its accounts are not blamed."""
        return self._changed(claim=None, queued_at=None, pause=pause)

    def refused(self, pause: PauseState) -> Self:
        """The source is left alone, since each of its accounts failed."""
        return self._changed(claim=None, queued_at=None, pause=pause, failures=self.failures + 1, accounts_failed=0)

    def handed_on(self, account: str, *, now: datetime) -> Self:
        """The account failed, and that one fetches the window from its beginning, in a job of its own."""
        return self._changed(
            **_FIRST_PAGE,
            claim=None,
            account=account,
            accounts_failed=self.accounts_failed + 1,
            failures=self.failures + 1,
            queued_at=now,
        )

    def token_refused(self, *, now: datetime) -> Self:
        """The token leads nowhere: the window is asked for once more, from its beginning, in a job of its own."""
        return self._changed(**_FIRST_PAGE, claim=None, restarted=True, queued_at=now)

    def pause_lifted(self) -> Self:
        """A person ends the pause, and the wait for Mimecast's rate limit; the source is fetched as soon as may be."""
        return self._changed(pause=None, lifted=None, resume_at=None, queued_at=None, failures=0, accounts_failed=0)

    def reset(self, *, covered_until: datetime | None) -> Self:
        """A person sets the source back to where it was covered until then; `None` is to its look-back.

        A job that has it in hand loses its compare-and-set and ends. The new epoch is in the MessageIds of what is
        fetched from now on, so that the bus takes it for new. A pause and the rate limit stay: a reset mends neither.
        """
        return self._changed(
            **_FIRST_PAGE,
            window=None,
            restarted=False,
            covered_until=covered_until,
            epoch=self.epoch + 1,
            claim=None,
            queued_at=None,
            next_due=None,
            failures=0,
        )

    def is_covered(self, run_started: datetime, now: datetime) -> bool:
        """Say whether all is fetched that was published before a run began, by this machine's clock."""
        until = self.asked_until or self.covered_until
        return until is not None and run_started <= until <= now + AHEAD  # beyond that a clock was wrong

    def queued_since(self, now: datetime, fresh_for: timedelta, run_started: datetime | None) -> bool:
        """Say whether a job that was queued may still be on its way."""
        if self.queued_at is None or (run_started is not None and self.queued_at < run_started):
            return False
        return self.queued_at - QUEUED_AHEAD < now < self.queued_at + fresh_for

    def _changed(self, **fields: Unpack["Fields"]) -> Self:
        return self.model_copy(update={**fields, "revision": self.revision + 1})


class Fields(TypedDict, total=False):
    """The fields of a checkpoint that a transition may change: all but the revision, which every one changes."""

    epoch: int
    covered_until: datetime | None
    asked_until: datetime | None
    window: Window | None
    token: str | None
    page: int
    tokens: TokenMemory
    damage: Damage | None
    account: str | None
    accounts_failed: int
    restarted: bool
    claim: Claim | None
    queued_at: datetime | None
    resume_at: datetime | None
    pause: PauseState | None
    lifted: PauseState | None
    failures: int
    last_success: datetime | None
    next_due: datetime | None


class _Position(TypedDict):
    token: str | None
    page: int
    tokens: TokenMemory
    damage: Damage | None


_FIRST_PAGE: Final = _Position(token=None, page=0, tokens=TokenMemory(), damage=None)


SourceCheckpoints = Checkpoints[SourceCheckpoint]


def checkpoints_in(container: Container) -> SourceCheckpoints:
    """Return the checkpoints, by source id.

    Args:
        container: the store's container `checkpoints`.
    """
    return Checkpoints(container, KIND, SourceCheckpoint)


async def saved(
    checkpoints: SourceCheckpoints,
    versioned: Versioned[SourceCheckpoint],
    unsure: Sequence[SourceCheckpoint] = (),
) -> Versioned[SourceCheckpoint] | None:
    """Save a checkpoint and return it as it was written, or `None` when somebody else saved meanwhile.

    A conflict with one's own write is none: with this one, whose answer was lost and which was sent once more, or with
    one before it, of which nobody knows whether it was taken.

    Args:
        checkpoints: of the sources.
        versioned: what is to be saved over the version that was read.
        unsure: what was to be saved before, since that version was read, and the store did not say whether it was.

    Raises:
        StoreUnavailable: it may have been written all the same.
    """
    try:
        return await checkpoints.save(versioned)
    except WriteConflict:
        written = await checkpoints.load(versioned.key, SourceCheckpoint())
    if written.value == versioned.value:
        return written
    if written.value not in unsure:
        return None
    return await saved(checkpoints, written.with_value(versioned.value))
