"""What an answer says about when the next call is free.

`X-RateLimit-Reset` is in **milliseconds**, and Mimecast sends the `X-RateLimit-*` headers on every answer or only once
the limit is hit (https://integrations.mimecast.com/documentation/api-overview/rate-limiting/). `Retry-After` is in
seconds or an HTTP date (RFC 9110, section 10.2.3). A header that is missing or malformed says nothing: the caller then
backs off by itself.
"""

import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

LONGEST = timedelta(hours=1)
"""A longer wait is taken for a mistake; the next call would find out anyway."""


def free_in(headers: httpx.Headers, now: datetime, *, limited: bool) -> timedelta | None:
    """Return how long to wait before the next call, or `None` when the headers do not ask for it.

    Args:
        headers: of any answer; their case does not matter.
        now: the time, for a date in `Retry-After`.
        limited: whether the call was refused for its rate, so that the limit counts as hit whatever is remaining.
    """
    exhausted = limited or _number(headers.get("X-RateLimit-Remaining")) == 0
    waits = [_retry_after(headers.get("Retry-After"), now)]
    if exhausted:
        waits.append(_seconds(_number(headers.get("X-RateLimit-Reset")), 1000))
    known = [wait for wait in waits if wait is not None]
    return max(known) if known else None


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
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = date if date.tzinfo else date.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta()), LONGEST)
