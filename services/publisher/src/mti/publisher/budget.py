"""The rate budget of one destination.

Sentinel takes 100 requests a minute (https://learn.microsoft.com/azure/sentinel/stix-objects-api) and does not say
how it counts a minute. The budget therefore holds for *every* sixty seconds, wherever they begin: it remembers when
each of the last requests ended and lets the next one begin only when the oldest of them is a minute old. A token
bucket would let twice as many through in the minute after a rest.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from mti.common.ports.clock import Clock
from mti.publisher.records import WaitReason

SPAN: Final = 60.0
"""Seconds."""
TICK: Final = 0.001
"""Seconds: the least to sleep, so that a clock coarser than the remainder of a subtraction moves on."""


class RateBudget:
    """At most that many requests in any 60 seconds, one at a time.

    What counts is the end of a request and not its beginning: the server saw it at some moment in between, so a
    bound between ends and beginnings holds on the server's clock too, however long a request is under way.

    Args:
        requests_per_minute: the budget.
        clock: the time.
        note: is told what is waited for, and for how many seconds, before each request.
    """

    def __init__(
        self, requests_per_minute: int, clock: Clock, note: Callable[[WaitReason, float], Awaitable[None]] | None = None
    ) -> None:
        self._clock = clock
        self._note = note
        self._ended: deque[float] = deque(maxlen=requests_per_minute)
        self._limit = requests_per_minute
        self._empty_until = 0.0
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        """Wait until a request may be sent, and count it when the context ends, whatever became of it."""
        if self._note is not None:
            await self._note(WaitReason.RATE_LIMIT if self.throttled else WaitReason.BUDGET, self.wait())
        async with self._lock:
            while (wait := self.wait()) > 0:
                await self._clock.sleep(max(wait, TICK))
            try:
                yield
            finally:
                self._ended.append(self._clock.monotonic())

    def wait(self) -> float:
        """Return the seconds until a request may be sent."""
        now = self._clock.monotonic()
        full_until = self._ended[0] + SPAN if len(self._ended) == self._limit else now
        return max(0.0, full_until - now, self._empty_until - now)

    @property
    def throttled(self) -> bool:
        """Whether the server said that nothing is let through now."""
        return self._empty_until > self._clock.monotonic()

    def empty(self, delay: timedelta) -> None:
        """Let nothing through for that long, because the server said so."""
        self._empty_until = max(self._empty_until, self._clock.monotonic() + delay / timedelta(seconds=1))
