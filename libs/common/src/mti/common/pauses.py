"""A pause: what is wrong with a source or a destination, since when, and when it is probed again."""

import random
from datetime import datetime, timedelta
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from mti.common.backoff import PAUSE, Backoff
from mti.common.errors import Pause
from mti.common.waits import LONGEST, clamped

AHEAD: Final = timedelta(minutes=3)
"""What was probed further in the future than this was probed by a clock that was wrong."""


class PauseState(BaseModel):
    """Kept in the checkpoint of what is paused."""

    model_config = ConfigDict(frozen=True)

    reason: str
    description: str
    since: AwareDatetime
    """When it was first paused."""
    probed: AwareDatetime
    """When it was last found to be still at fault."""
    until: AwareDatetime
    """When it is probed next."""
    attempts: int = 1

    def holds(self, now: datetime, run_started: datetime | None) -> bool:
        """Say whether to leave it alone now.

        Args:
            now: the time.
            run_started: when a person started this run; what was paused before that is probed at once.
        """
        if self.probed > now + AHEAD:
            return False  # a clock was wrong; a probe finds out what is the case
        if run_started is not None and self.probed < run_started:
            return False
        return timedelta() < self.left(now)

    def is_of(self, now: datetime, run_started: datetime) -> bool:
        """Say whether it was found at fault in the run that began then; an older one is about to be probed.

        So is one that was found in the future, by a clock that was wrong.
        """
        return run_started <= self.probed <= now + AHEAD

    def left(self, now: datetime) -> timedelta:
        """Return how long it is still to be left alone: never longer than `LONGEST`, whatever was written down.

        A pause that begins far ahead of now was written by a clock that was wrong, and is over.
        """
        if self.probed - now > LONGEST:
            return timedelta()
        return clamped(min(self.until, _later(self.probed, LONGEST)) - now)


def paused(
    error: Pause, now: datetime, before: PauseState | None, rng: random.Random, backoff: Backoff = PAUSE
) -> PauseState:
    """Return the pause that follows from an error, with a delay that grows from probe to probe.

    What the other side told us to wait is heeded up to `LONGEST`, which no pause exceeds.
    """
    attempts = before.attempts if before else 0
    delay = backoff.delay(attempts, rng)
    if error.delay is not None:
        delay = max(delay, clamped(error.delay))
    return PauseState(
        reason=error.reason,
        description=error.description,
        since=before.since if before else now,
        probed=now,
        until=now + clamped(delay),
        attempts=attempts + 1,
    )


def _later(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return moment
