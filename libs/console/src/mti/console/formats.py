"""How pages write figures and times. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from markupsafe import Markup

from mti.operations.wording import age, reasons, several

DASH: Final = "\N{EN DASH}"
"""What stands for a figure that is not known."""


def count(value: object) -> str:
    """Return a number with its thousands apart, or a dash for what is not known."""
    return f"{value:,}" if isinstance(value, int) else DASH


def duration(seconds: float | None) -> str:
    """Return seconds in words that fit a column."""
    return DASH if seconds is None else age(seconds)


def moment(time: datetime | None) -> Markup | str:
    """Return a time for people and for programs."""
    if time is None:
        return DASH
    return Markup('<time datetime="{}">{}</time>').format(time.isoformat(), f"{time:%Y-%m-%d %H:%M:%S}")


def path(text: str) -> Markup:
    """Return a path that may be broken behind its slashes."""
    return Markup("/<wbr>").join(text.split("/"))


def plural(number: int, one: str, many: str | None = None) -> str:
    """Return a number with the word for what is counted."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def figured(heading: str) -> tuple[str, bool]:
    """Return the heading of a column of figures, as a table takes it."""
    return heading, True


def summed(counts: Mapping[str, int]) -> int:
    """Return the sum of counts by name."""
    return sum(counts.values())


FILTERS: Final[Mapping[str, Callable[..., object]]] = {
    "count": count,
    "duration": duration,
    "moment": moment,
    "figured": figured,
    "path": path,
    "plural": plural,
    "summed": summed,
    "reasons": reasons,
    "several": several,
}
