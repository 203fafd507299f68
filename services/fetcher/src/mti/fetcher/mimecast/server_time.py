"""Mimecast's own time, and how far this machine's clock is from it.

A window that ends later than it was at Mimecast when the page was asked for claims more than was fetched: what is
published in between is in no window, and lost in silence. So every answer's `Date` (RFC 9110, section 6.6.1) is
compared with the clock. It has whole seconds and is as old as the answer's way; what can be explained by that is no
difference.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from mti.common.errors import Pause
from mti.common.ports.clock import Clock
from mti.common.telemetry import active

log = logging.getLogger(__name__)

LIMIT: Final = timedelta(minutes=2)
"""A clock that is further away is not worked with: it is less than what claims and pauses are made for."""
NOTED: Final = timedelta(seconds=10)
"""A clock that is further away is spoken of."""
NOTED_AGAIN: Final = 600.0
"""Seconds until it is spoken of again."""
RESOLUTION: Final = timedelta(seconds=1)
"""Of a `Date`."""
REASON: Final = "ClockSkew"


class ClockSkew(Pause):
    """The machine's clock is too far from Mimecast's to say what was fetched."""

    def __init__(self, description: str) -> None:
        super().__init__(REASON, description)


@dataclass(frozen=True, slots=True)
class ServerTime:
    """What an answer says of the time."""

    asked: datetime
    """When the server was asked, by its own clock: it was then or a little later."""
    latest: datetime
    """It was not later than this."""
    ahead: timedelta
    """By how much this machine's clock is ahead of the server's at least; below zero it is behind."""

    def reached(self, end: datetime) -> datetime:
        """Return how much of a window up to `end` had come to pass at the server when it was asked."""
        return end if end <= self.latest else self.asked


def server_time(date: str | None, now: datetime, took: float) -> ServerTime | None:
    """Return what a `Date` says, or `None` when there is none that can be read.

    Args:
        date: the header.
        now: this machine's time when the answer came.
        took: seconds from the request to the answer.
    """
    try:
        found = parsedate_to_datetime(date or "")
        moment = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        way = timedelta(seconds=max(took, 0.0))
        asked = moment - way
        latest = moment + RESOLUTION
        fast, slow = now - (latest + way), moment - now
    except (ValueError, TypeError, OverflowError):
        return None
    nothing = timedelta()
    return ServerTime(asked.replace(microsecond=0), latest, max(fast, nothing) or -max(slow, nothing))


class ClockCheck:
    """Compares the clock with every answer of Mimecast.

    Args:
        clock: this machine's.
        limit: how far it may be away.
    """

    def __init__(self, clock: Clock, limit: timedelta = LIMIT) -> None:
        self._clock = clock
        self._limit = limit
        self._said = float("-inf")

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return self._clock.monotonic()

    def saw(self, headers: httpx.Headers, took: float) -> ServerTime | None:
        """Return what an answer's headers say of the time.

        Raises:
            ClockSkew: the clock is too far away.
        """
        found = server_time(headers.get("Date"), self._clock.now(), took)
        if found is None:
            return None
        active().instruments.clock_ahead(found.ahead.total_seconds())
        if abs(found.ahead) > NOTED:
            self._say(found)
        if abs(found.ahead) > self._limit:
            raise ClockSkew(
                f"this machine's clock is {_in_words(found.ahead)} Mimecast's, so that nothing is fetched, since what"
                " is published in between would be lost: have the clock set by NTP (`timedatectl` shows it); it goes"
                f" on by itself within minutes. MTI_CLOCK_SKEW_SECONDS, {self._limit.total_seconds():.0f}, is the limit"
            )
        return found

    def _say(self, found: ServerTime) -> None:
        now = self._clock.monotonic()
        if now >= self._said + NOTED_AGAIN:
            self._said = now
            log.warning(
                "this machine's clock is not Mimecast's: have it set by NTP",
                extra={"seconds_ahead": round(found.ahead.total_seconds())},
            )


def _in_words(ahead: timedelta) -> str:
    whole = timedelta(seconds=round(abs(ahead).total_seconds()))
    return f"{whole} {'ahead of' if ahead > timedelta() else 'behind'}"
