"""A pause: what is wrong with a source or a destination, since when, and when it is probed again."""

import random
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from mti.common.backoff import PAUSE, Backoff
from mti.common.errors import Pause


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
        if run_started is not None and self.probed < run_started:
            return False
        return now < self.until


def paused(
    error: Pause, now: datetime, before: PauseState | None, rng: random.Random, backoff: Backoff = PAUSE
) -> PauseState:
    """Return the pause that follows from an error, with a delay that grows from probe to probe."""
    attempts = before.attempts if before else 0
    delay = backoff.delay(attempts, rng)
    if error.delay is not None:
        delay = max(delay, error.delay)
    return PauseState(
        reason=error.reason,
        description=error.description,
        since=before.since if before else now,
        probed=now,
        until=now + delay,
        attempts=attempts + 1,
    )
