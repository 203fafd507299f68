"""Growing delays with jitter, for retries and pauses."""

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """`first * 2**n`, at most `longest`; half of it is fixed and half is random, so that a herd spreads out."""

    first: timedelta
    longest: timedelta

    def delay(self, attempt: int, rng: random.Random) -> timedelta:
        """Return the delay before attempt `attempt + 1`; the first failure is attempt 0."""
        doublings: int = 2 ** min(attempt, 32)
        whole = min(self.longest, self.first * doublings)
        return whole / 2 + whole / 2 * rng.random()


RETRY = Backoff(first=timedelta(seconds=1), longest=timedelta(minutes=2))
PAUSE = Backoff(first=timedelta(seconds=30), longest=timedelta(minutes=30))
