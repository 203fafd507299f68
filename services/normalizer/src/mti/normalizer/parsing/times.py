"""Mimecast's timestamps."""

import re
from datetime import UTC, datetime

_TIME = re.compile(r"2\d{3}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)", re.ASCII)
"""Before the year 2000 there was no Mimecast; a time without an offset could mean anything."""


def read_time(text: object) -> datetime | None:
    """Return the moment in UTC, in whole milliseconds as STIX has them; `None` when it is none.

    Forms: `2026-11-24T10:15:30+0000`, `2026-11-24T10:15:30.099Z`, `2026-11-24T10:15:30+02:00`.
    """
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    rest = moment.microsecond % 1000
    return moment.replace(microsecond=moment.microsecond - rest) if rest else moment
