"""What an answer says about when the next call is free.

`X-RateLimit-Reset` is in **milliseconds**, and Mimecast sends the `X-RateLimit-*` headers on every answer or only once
the limit is hit (https://integrations.mimecast.com/documentation/api-overview/rate-limiting/). They are also met as
`X-Rate-Limit-*`, and with a moment instead of a span: no span is as long as the seconds since 1970 are many.
`Retry-After` is in seconds or an HTTP date (RFC 9110, section 10.2.3). A header that is missing or malformed says
nothing: the caller then backs off by itself.
"""

import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

LONGEST = timedelta(hours=1)
"""A longer wait is taken for a mistake; the next call would find out anyway."""

_EPOCH_SECONDS = 1e9
"""Numbers from here on (2001, or eleven days in milliseconds) are moments: seconds since 1970, …"""
_EPOCH_MILLISECONDS = 1e11
"""… and from here on milliseconds."""


def free_in(headers: httpx.Headers, now: datetime, *, limited: bool) -> timedelta | None:
    """Return how long to wait before the next call, or `None` when the headers do not ask for it.

    Args:
        headers: of any answer; their case does not matter.
        now: the time, for a date in `Retry-After`.
        limited: whether the call was refused for its rate, so that the limit counts as hit whatever is remaining.
    """
    exhausted = limited or 0 in {_number(text) for text in _named(headers, "Remaining")}
    waits = [_retry_after(headers.get("Retry-After"), now)]
    if exhausted:
        waits += [_reset(text, now) for text in _named(headers, "Reset")]
    known = [wait for wait in waits if wait is not None]
    return max(known) if known else None


def _named(headers: httpx.Headers, name: str) -> list[str]:
    """Return what the limit's header of that name says, in either spelling."""
    found = (headers.get(f"{prefix}-{name}") for prefix in ("X-RateLimit", "X-Rate-Limit"))
    return [text.strip() for text in found if text is not None]


def _reset(text: str, now: datetime) -> timedelta | None:
    number = _number(text)
    if number is None:
        return _until(text, now)
    if number < _EPOCH_SECONDS:
        return _seconds(number, 1000)
    moment = number / 1000 if number >= _EPOCH_MILLISECONDS else number
    return _seconds(max(0.0, moment - now.timestamp()), 1)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _seconds(number: float | None, parts: int) -> timedelta | None:
    return None if number is None else timedelta(seconds=min(number / parts, LONGEST.total_seconds()))


def _retry_after(text: str | None, now: datetime) -> timedelta | None:
    if text is None:
        return None
    number = _number(text)
    if number is not None:
        return _seconds(number, 1)
    return _until(text, now)


def _until(text: str, now: datetime) -> timedelta | None:
    """Return how far away a date of HTTP is; it is somebody else's word, and may be of any year and offset."""
    try:
        date = parsedate_to_datetime(text)
        moment = date if date.tzinfo else date.replace(tzinfo=UTC)
        return min(max(moment - now, timedelta()), LONGEST)
    except (ValueError, TypeError, OverflowError):
        return None
