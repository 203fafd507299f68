"""The fetcher's checkpoint: one a source."""

from datetime import datetime, timedelta
from typing import Final, Self

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
    """Rises at every save, so that each job has a MessageId of its own."""
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
    """When a job was put on the queue, or the time that it is due; `None` when it has come or none is meant to."""
    resume_at: AwareDatetime | None = None
    """When the next call may be made: Mimecast's rate limit is free again, and calls have their distance."""
    pause: PauseState | None = None
    lifted: PauseState | None = None
    """The pause that ended in this window; one that begins before the window is closed grows from it."""
    failures: int = 0
    """In a row."""
    last_success: AwareDatetime | None = None
    next_due: AwareDatetime | None = None

    def changed(self, **fields: object) -> Self:
        """Return the next revision, with these fields changed."""
        return self.model_copy(update={**fields, "revision": self.revision + 1})

    def queued_since(self, now: datetime, fresh_for: timedelta, run_started: datetime | None) -> bool:
        """Say whether a job that was queued may still be on its way."""
        if self.queued_at is None or (run_started is not None and self.queued_at < run_started):
            return False
        return self.queued_at - QUEUED_AHEAD < now < self.queued_at + fresh_for


SourceCheckpoints = Checkpoints[SourceCheckpoint]


def checkpoints_in(container: Container) -> SourceCheckpoints:
    """Return the checkpoints, by source id.

    Args:
        container: the store's container `checkpoints`.
    """
    return Checkpoints(container, KIND, SourceCheckpoint)


async def saved(
    checkpoints: SourceCheckpoints, versioned: Versioned[SourceCheckpoint]
) -> Versioned[SourceCheckpoint] | None:
    """Save a checkpoint and return it as it was written, or `None` when somebody else saved meanwhile.

    A conflict with one's own write, whose answer was lost and which was sent once more, is none.

    Raises:
        StoreUnavailable: it may have been written all the same.
    """
    try:
        return await checkpoints.save(versioned)
    except WriteConflict:
        found = await checkpoints.load(versioned.key, SourceCheckpoint())
        return found if found.value == versioned.value else None
