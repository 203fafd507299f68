"""What a checkpoint is made of: the open window, its tokens, damage that was seen, and who has the source in hand."""

from datetime import datetime, timedelta
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

AHEAD: Final = timedelta(minutes=3)
"""What was noted further in the future than this was noted by a clock that was wrong: it is not believed."""


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
