"""The rate budget of one destination, and how many of its requests are under way.

Sentinel takes 100 requests a minute (https://learn.microsoft.com/azure/sentinel/stix-objects-api) and does not say
how it counts a minute. The budget therefore holds for *every* sixty seconds, wherever they begin: a request that is
under way counts, and one that has ended counts for a minute more. A token bucket would let twice as many through in the
minute after a rest.
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
LEAST: Final = 0.5
"""The part of the budget that is always believed in, however early the server says that it is spent."""
REGAINED: Final = 0.05
"""Requests a minute that each one that passes adds to what is believed in."""
IN_FLIGHT: Final = 8
"""Requests of one destination that are under way at once: at 100 a minute they bear answers that take five seconds."""


class Interrupted(Exception):
    """The wait was ended by who started it: what it waited for is not to be done any more."""


class RateBudget:
    """At most that many requests in any 60 seconds, and at most `in_flight` at once.

    What counts is the end of a request and not its beginning: the server saw it at some moment in between, so a
    bound between ends and beginnings holds on the server's clock too, however long a request is under way.

    Where a request did not pass for want of patience on one side or strength on the other, one goes alone next, and
    each that passes lets twice as many go at once (`passed`, `turned_away`). So it begins, too. And where the server
    says that the budget is spent before it is, no more than it let through is believed in for a while (`empty`).

    Args:
        requests_per_minute: the budget.
        clock: the time.
        note: is told what is waited for, and for how many seconds, before each wait.
        in_flight: requests at once.
    """

    def __init__(
        self,
        requests_per_minute: int,
        clock: Clock,
        note: Callable[[WaitReason, float], Awaitable[None]] | None = None,
        *,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        self._clock = clock
        self._note = note
        self._ended: deque[float] = deque()
        self._limit = requests_per_minute
        self._believed = float(requests_per_minute)
        self._empty_until = 0.0
        self._admission = asyncio.Lock()
        self._in_flight = in_flight
        self._width = 1
        self._flying = 0
        self._interruptions = 0
        self._waiters: set[asyncio.Future[None]] = set()

    @property
    def interruptions(self) -> int:
        """How often `interrupt` was called: who waits for several things compares it with what it was."""
        return self._interruptions

    @asynccontextmanager
    async def request(self, since: int | None = None) -> AsyncIterator[None]:
        """Wait until a request may be sent, in the order of asking, and count it when the context ends, whatever became
        of it.

        Args:
            since: `interruptions` when the wait was decided on; now, when it is not given.

        Raises:
            Interrupted: there was an interruption since.
        """
        since = self._interruptions if since is None else since
        async with self._admission:
            await self._free(since)
            self._flying += 1
        try:
            yield
        finally:
            self._flying -= 1
            self._ended.append(self._clock.monotonic())
            self._wake()

    async def sleep(self, seconds: float, since: int) -> None:
        """Wait for something else.

        Raises:
            Interrupted: there was an interruption since.
        """
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > 0:
            self._go_on(since)
            await self._change(max(left, TICK))
        self._go_on(since)

    def interrupt(self) -> None:
        """End every wait that there is; requests that are under way go on."""
        self._interruptions += 1
        self._wake()

    def wait(self) -> float:
        """Return the seconds until a request may be sent, as far as time alone decides."""
        now = self._clock.monotonic()
        while self._ended and self._ended[0] + SPAN <= now:
            self._ended.popleft()
        free = int(self._believed) - self._flying - len(self._ended)
        # With all of it under way the next one is a minute off at least, from when the first of them ends.
        full_until = now if free > 0 else (self._ended[-free] if -free < len(self._ended) else now) + SPAN
        return max(0.0, full_until - now, self._empty_until - now)

    @property
    def used(self) -> float:
        """Which part of the budget the last minute took, from 0 to 1."""
        self.wait()
        return min(1.0, (self._flying + len(self._ended)) / self._limit)

    @property
    def throttled(self) -> bool:
        """Whether the server said that nothing is let through now."""
        return self._empty_until > self._clock.monotonic()

    def empty(self, delay: timedelta) -> None:
        """Let nothing through for that long, because the server said so."""
        self.wait()
        self._believed = max(1.0, LEAST * self._limit, min(self._believed, len(self._ended)))
        self._empty_until = max(self._empty_until, self._clock.monotonic() + delay / timedelta(seconds=1))

    def passed(self) -> None:
        """Note that a request was taken."""
        self._width = min(self._width * 2, self._in_flight)
        self._believed = min(self._limit, self._believed + REGAINED)
        self._wake()

    def turned_away(self) -> None:
        """Note that one got no answer, or was told to come again."""
        self._width = 1

    async def _free(self, since: int) -> None:
        noted = False
        while True:
            self._go_on(since)
            seconds = self.wait()
            if seconds <= 0 and self._flying < self._width:
                return
            if seconds > 0 and not noted and self._note is not None:
                noted = True
                await self._note(WaitReason.RATE_LIMIT if self.throttled else WaitReason.BUDGET, seconds)
                continue
            await self._change(max(seconds, TICK) if seconds > 0 else None)

    async def _change(self, seconds: float | None) -> None:
        """Wait that long, or until something has changed; for any time where no seconds are given."""
        changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(changed)
        slept = None if seconds is None else asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({changed} if slept is None else {changed, slept}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiters.discard(changed)
            if slept is not None:
                slept.cancel()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            waiter.set_result(None)

    def _go_on(self, since: int) -> None:
        if since != self._interruptions:
            raise Interrupted
