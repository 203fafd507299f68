"""What a server's `Date` says of the time, and how far this machine's clock is from it. Pure.

A `Date` (https://www.rfc-editor.org/rfc/rfc9110#section-6.6.1) has whole seconds and is as old as the answer's way;
what can be explained by that is no difference.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mti.common.waits import http_date

RESOLUTION: Final = timedelta(seconds=1)
"""Of a `Date`."""


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
    moment = http_date(date or "")
    if moment is None:
        return None
    try:
        trip = timedelta(seconds=max(took, 0.0))
        asked = moment - trip
        latest = moment + RESOLUTION
        fast, slow = now - (latest + trip), moment - now
    except OverflowError:
        return None
    nothing = timedelta()
    return ServerTime(asked.replace(microsecond=0), latest, max(fast, nothing) or -max(slow, nothing))


def in_words(ahead: timedelta) -> str:
    """Return a difference as people say it: `6:00:00 ahead of`, `0:02:10 behind`."""
    whole = timedelta(seconds=round(abs(ahead).total_seconds()))
    return f"{whole} {'ahead of' if ahead > timedelta() else 'behind'}"
