"""Time, passed in: milliseconds since the Unix epoch, the unit of AMQP timestamps."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Tells the time in milliseconds since the Unix epoch."""


def system_clock() -> int:
    """The machine's clock."""
    return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: int = 1_700_000_000_000) -> None:
        self.now = start

    def __call__(self) -> int:
        """The time it stands at."""
        return self.now

    def advance(self, milliseconds: int) -> None:
        """Move the clock forward."""
        self.now += milliseconds
