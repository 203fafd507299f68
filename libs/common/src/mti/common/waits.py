"""How long others tell us to wait: read, and never believed beyond a bound. Pure.

A server may say anything: a date in the year 9999, a billion seconds, an offset that no calendar has. Nobody is left
alone for longer than `LONGEST` for it, since the next call finds out anyway. What can't be read says nothing, and the
caller then backs off by itself.
"""

import math
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST: Final = timedelta(minutes=30)
"""The longest that anything is left alone for because somebody told us to."""

_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")
_EPOCH_SECONDS: Final = 1e9
"""A number from here on (September 2001, or eleven days in milliseconds) is no wait in milliseconds but a time."""
_EPOCH_MILLISECONDS: Final = 1e11
"""From here on it is in milliseconds: in seconds it would be the year 5138."""


def clamped(delay: timedelta) -> timedelta:
    """Return a delay that is neither in the past nor longer than `LONGEST`."""
    return min(max(delay, timedelta()), LONGEST)


def seconds_told(number: float) -> timedelta | None:
    """Return a number of seconds as a clamped delay; `None` when it is no time to wait (negative, NaN)."""
    if math.isnan(number) or number < 0:
        return None
    return timedelta(seconds=min(number, LONGEST / timedelta(seconds=1)))


def retry_after(text: str | None, now: datetime) -> timedelta | None:
    """Read `Retry-After`, seconds or a date (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after).

    Args:
        text: the header's value; `None` when it is missing.
        now: the time, for a date.
    """
    value = (text or "").strip()
    if _SECONDS.fullmatch(value):
        return seconds_told(float(value))
    moment = _written(value)
    return None if moment is None else _until(moment, now)


def reset_in(text: str | None, now: datetime) -> timedelta | None:
    """Read a `…-Reset` header: milliseconds to wait, or a time, as a date or in seconds or milliseconds since 1970.

    Args:
        text: the header's value; `None` when it is missing.
        now: the time.
    """
    try:
        number = float(text or "")
    except ValueError:
        moment = _written(text or "")
        return None if moment is None else _until(moment, now)
    for unit, first in ((1000, _EPOCH_MILLISECONDS), (1, _EPOCH_SECONDS)):
        if number >= first:
            return seconds_told(max(0.0, number / unit - now.timestamp()))
    return seconds_told(number / 1000)


def http_date(text: str) -> datetime | None:
    """Read an HTTP date (https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats) as UTC, also without a zone.

    `None` when it is none, or one that no calendar has.
    """
    moment = _written(text)
    try:
        return None if moment is None else moment.astimezone(UTC)
    except OverflowError:
        return None


def _written(text: str) -> datetime | None:
    """Read an HTTP date in the zone that it is written in, out of which it may lead beyond the calendar."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _until(moment: datetime, now: datetime) -> timedelta:
    return clamped(moment - now)
