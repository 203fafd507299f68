"""Fields of the feed: texts in a form for people (one line, printable, of a sane length), and moments in time."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

NAME_LIMIT = 200
LABEL_LIMIT = 64
LABELS_LIMIT = 8

_TIME = re.compile(r"2\d{3}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)", re.ASCII)
"""Before the year 2000 there was no Mimecast; a time without an offset could mean anything."""


def clean(text: object, limit: int) -> str | None:
    """Return a text in one line without control characters, cut at the limit; `None` when nothing is left."""
    if not isinstance(text, str):
        return None
    if text.isprintable():
        if len(text) <= limit and "  " not in text and text[:1] != " " and text[-1:] != " ":
            return text or None
    else:
        text = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(text.split())
    if len(line) > limit:
        line = f"{line[: limit - 1]}…"
    return line or None


def labels_of(values: Iterable[object]) -> tuple[str, ...]:
    """Return the labels among the values, each once, in order."""
    if isinstance(values, list) and len(values) == 1:
        label = clean(values[0], LABEL_LIMIT)
        return () if label is None else (label,)
    cleaned = (clean(value, LABEL_LIMIT) for value in values)
    return tuple(dict.fromkeys(label for label in cleaned if label is not None))[:LABELS_LIMIT]


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
