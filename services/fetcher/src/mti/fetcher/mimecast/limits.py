"""What an answer says about when the next call is free.

`X-RateLimit-Reset` is in **milliseconds**, and Mimecast sends the `X-RateLimit-*` headers on every answer or only once
the limit is hit (https://integrations.mimecast.com/documentation/api-overview/rate-limiting/). They are also met as
`X-Rate-Limit-*`, and with a moment instead of a span. `Retry-After` is in seconds or an HTTP date (RFC 9110, section
10.2.3). A header that is missing or malformed says nothing: the caller then backs off by itself. No wait is believed
beyond `LONGEST`.
"""

from datetime import datetime, timedelta

import httpx

from mti.common.waits import LONGEST, reset_in, retry_after

__all__ = ["LONGEST", "free_in"]


def free_in(headers: httpx.Headers, now: datetime, *, limited: bool) -> timedelta | None:
    """Return how long to wait before the next call, or `None` when the headers do not ask for it.

    Args:
        headers: of any answer; their case does not matter.
        now: the time, for a date in `Retry-After`.
        limited: whether the call was refused for its rate, so that the limit counts as hit whatever is remaining.
    """
    exhausted = limited or any(_is_zero(text) for text in _named(headers, "Remaining"))
    waits = [retry_after(headers.get("Retry-After"), now)]
    if exhausted:
        waits += [reset_in(text, now) for text in _named(headers, "Reset")]
    known = [wait for wait in waits if wait is not None]
    return max(known) if known else None


def _named(headers: httpx.Headers, name: str) -> list[str]:
    """Return what the limit's header of that name says, in either spelling."""
    texts = (headers.get(f"{prefix}-{name}") for prefix in ("X-RateLimit", "X-Rate-Limit"))
    return [text.strip() for text in texts if text is not None]


def _is_zero(text: str) -> bool:
    try:
        return float(text) == 0
    except ValueError:
        return False
