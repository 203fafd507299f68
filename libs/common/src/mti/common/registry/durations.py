"""Durations as people write them: `90s`, `5m`, `1h30m`, `7d`, or ISO 8601's `PT5M`."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

LONGEST = timedelta(days=3650)
"""Ten years: far more than any setting here can mean, and no date that it is added to overflows."""

_SHORT = re.compile(r"(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")
_ISO = re.compile(r"P(?:([0-9]+)W)?(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?")
_SECONDS = (7 * 86_400, 86_400, 3_600, 60, 1)
_CURE = "write a whole number with its unit, such as 90s, 5m, 1h30m or 7d"


def parse_duration(text: str) -> timedelta:
    """Read a duration of whole seconds.

    Args:
        text: weeks, days, hours, minutes and seconds, the larger unit first, each at most once.

    Raises:
        ValueError: it is none, or longer than ten years; the text says what is wrong and the cure.
    """
    stripped = text.strip()
    match = _SHORT.fullmatch(stripped) or _ISO.fullmatch(stripped)
    parts = match.groups() if match else ()
    if not any(parts):
        raise ValueError(f"{text[:40]!r} is not a duration; {_CURE}")
    seconds = sum(int(part) * unit for part, unit in zip(parts, _SECONDS, strict=True) if part and len(part) < 12)
    if seconds > LONGEST.total_seconds() or any(part and len(part) >= 12 for part in parts):
        raise ValueError(f"{text[:40]!r} is longer than ten years; write a shorter duration")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Write a duration as `parse_duration` reads it: `1h30m`. Parts of a second are cut off."""
    left = int(duration.total_seconds())
    written = ""
    for unit, letter in zip(_SECONDS[1:], "dhms", strict=True):
        count, left = divmod(left, unit)
        written += f"{count}{letter}" if count else ""
    return written or "0s"


def _from_file(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    if value == 0 and not isinstance(value, bool):
        return timedelta(0)
    raise ValueError(f"is not a duration; {_CURE}")


def _above_zero(value: object) -> timedelta:
    duration = _from_file(value)
    if duration <= timedelta(0):
        raise ValueError(f"must be longer than nothing; {_CURE}")
    return duration


Duration = Annotated[timedelta, BeforeValidator(_from_file)]
"""A pydantic type: zero or more. A bare number is refused, since nobody can see its unit."""

PositiveDuration = Annotated[timedelta, BeforeValidator(_above_zero)]
"""A pydantic type: more than zero."""
