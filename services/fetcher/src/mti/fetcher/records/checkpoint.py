"""The fetcher's checkpoint: one a source. It changes by its named transitions alone, and each is a revision.

Which transition is due, the modules around it decide; here is what each does to the document.
"""

from datetime import datetime, timedelta
from typing import Final, Self, TypedDict, Unpack

from pydantic import AwareDatetime, BaseModel, ConfigDict

from mti.common.pauses import PauseState
from mti.fetcher.records.checkpoint_parts import AHEAD, Claim, Damage, TokenMemory, Window

QUEUED_AHEAD: Final = timedelta(hours=2)
"""What a job's due time may be in the future to be believed: it may be as far ahead as a rate limit lasts."""


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
