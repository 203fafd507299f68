"""Times as the two APIs write them, as milliseconds since the epoch inside."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

Now = Callable[[], datetime]
"""Returns the time, aware; passed in so that a test can hold it still."""

_WITH_OFFSET = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}")
_WITH_ANY_OFFSET = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:?\d\d)")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def to_ms(moment: datetime) -> int:
    """Return milliseconds since the epoch, rounded down."""
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def from_ms(ms: int) -> datetime:
    """Return the moment, in UTC."""
    return datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)


def in_millis(ms: int) -> str:
    """Write `2026-11-24T10:15:30.099Z`, as STIX and some CSV rows have it."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def in_seconds(ms: int) -> str:
    """Write `2026-11-24T10:15:30+0000`, as requests and other CSV rows have it."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}+0000"


def parse_request_time(text: object, *, strict: bool = True) -> int | None:
    """Read `start` and `end` of get-feed; `None` when it is no such time.

    Args:
        text: of the request.
        strict: only the form that the documentation shows, `2026-11-17T10:15:30+0000`; else the offset may also be
            `+00:00` or `Z`, as published clients write it.
    """
    form = _WITH_OFFSET if strict else _WITH_ANY_OFFSET
    if not isinstance(text, str) or not form.fullmatch(text):
        return None
    try:
        return to_ms(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z"))
    except ValueError:
        return None


def parse_stix_time(text: object) -> datetime | None:
    """Read an RFC 3339 timestamp; `None` when it is not one."""
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
