"""Compares this machine's clock with every answer of the servers that are called, and says when they do not fit."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mti.common.errors import Pause
from mti.common.ports.clock import Clock
from mti.common.server_time import ServerTime, in_words, server_time
from mti.common.telemetry import active

log = logging.getLogger(__name__)

LIMIT: Final = timedelta(minutes=2)
"""A clock that is further away is not worked with: it is less than what claims and pauses are made for."""
NOTED: Final = timedelta(seconds=10)
"""A clock that is further away is spoken of."""
RIGHT: Final = timedelta(seconds=5)
"""A clock that was spoken of is right again when it is not further away."""
BELIEVED: Final = 600.0
"""Seconds for which a server's last word counts: clocks are set meanwhile, and machines sleep."""
REASON: Final = "ClockSkew"
CURE: Final = "have the clock set by NTP (`timedatectl` shows it)"


class ClockSkew(Pause):
    """The machine's clock is too far from a server's for what was to be done."""

    def __init__(self, description: str) -> None:
        super().__init__(REASON, description)


@dataclass(frozen=True, slots=True)
class _Word:
    ahead: timedelta
    at: float
    """When it was heard, on the monotonic clock."""


class ClockCheck:
    """What the servers that are called say of this machine's clock.

    Args:
        clock: this machine's.
        limit: how far it may be away.
    """

    def __init__(self, clock: Clock, limit: timedelta = LIMIT) -> None:
        self._clock = clock
        self.limit = limit
        self._words: dict[str, _Word] = {}
        self._spoken_of: set[str] = set()

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return self._clock.monotonic()

    def compare(self, server: str, date: str | None, took: float) -> ServerTime | None:
        """Compare the clock with what an answer says of the time, and return that; `None` when it says nothing.

        Args:
            server: who answered, as the metric's `mti.api` names it: `mimecast`, `sentinel`, `entra`.
            date: the answer's header `Date`.
            took: seconds from the request to the answer.
        """
        found = server_time(date, self._clock.now(), took)
        if found is None:
            return None
        self._words[server] = _Word(found.ahead, self._clock.monotonic())
        active().instruments.clock_ahead(server, found.ahead.total_seconds())
        self._say(server, found.ahead)
        return found

    def ahead(self) -> timedelta:
        """Return by how much the clock is wrong for sure: zero unless all who were heard lately say that it is, beyond
        the limit and on the same side; then the least that one of them says.

        One who is wrong, a proxy with a date of its own, say, so moves nothing while another is right.
        """
        now = self._clock.monotonic()
        lately = [word.ahead for word in self._words.values() if now - word.at <= BELIEVED]
        nothing = timedelta()
        if not lately or any(abs(ahead) <= self.limit for ahead in lately):
            return nothing
        if min(lately) < nothing < max(lately):
            return nothing
        return min(lately, key=abs)

    def is_far(self, server: str) -> bool:
        """Say whether a server's last word is beyond the limit."""
        word = self._words.get(server)
        return word is not None and abs(word.ahead) > self.limit

    def difference(self, server: str) -> str:
        """Return what a server's last word is, in words: `6:00:00 ahead of`."""
        return in_words(self._words[server].ahead)

    def _say(self, server: str, ahead: timedelta) -> None:
        extra = {"api": server, "seconds_ahead": round(ahead.total_seconds())}
        if server not in self._spoken_of and abs(ahead) > NOTED:
            self._spoken_of.add(server)
            log.warning("this machine's clock is not %s's: have it set by NTP", server.capitalize(), extra=extra)
        elif server in self._spoken_of and abs(ahead) <= RIGHT:
            self._spoken_of.discard(server)
            log.info("this machine's clock is %s's again", server.capitalize(), extra=extra)


class CorrectedClock:
    """A clock that is set right by what servers say of it, where they say for sure that it is wrong.

    Waiting and what is measured are left as they are: they need no time of day.

    Args:
        clock: this machine's.
        check: what the servers say of it.
    """

    def __init__(self, clock: Clock, check: ClockCheck) -> None:
        self._clock = clock
        self._check = check

    def now(self) -> datetime:
        """Return the time, as right as is known."""
        now = self._clock.now()
        try:
            return now - self._check.ahead()
        except OverflowError:
            return now

    def monotonic(self) -> float:
        """Return the clock's seconds."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        await self._clock.sleep(seconds)
