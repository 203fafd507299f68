"""Which column of an answer is what in a chart, and the points that follow. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mti.console.preview.answers import Answer, Cell, Column, display

OTHERS: Final = "the others"
SERIES_LIMIT: Final = 8
"""Series with a colour of their own; what is beyond is one more, the others."""
LABEL_LIMIT: Final = 60
"""Characters of a name in a chart; the table beside it has all of it."""
TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


class NotDrawn(Exception):
    """An answer can't be drawn in that way; the text says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns that a chart is made of."""

    across: Column
    up: Column
    series: Column | None
    values: list[dict[str, Any]]
    """Points: `x`, `y`, `s`, and `text`, which is what a person is told of it."""


def shape_of(answer: Answer) -> Shape:
    """Return which column is what.

    Raises:
        NotDrawn: there is no number, or nothing to draw it by.
    """
    up = next((each for each in answer.columns if each.is_number), None)
    names = [each for each in answer.columns if not each.is_number]
    across = next((each for each in names if each.type == "datetime"), names[0] if names else None)
    if up is None or across is None:
        raise NotDrawn("a chart needs a column of numbers, and one of times or of names")
    series = next((each for each in names if each is not across), None)
    places = [answer.place(each.name) if each else None for each in (across, up, series)]
    points = [[row[place] if place is not None else "" for place in places] for row in answer.rows]
    totals: dict[str, float] = {}
    for _, y, s in points:
        totals[_label(s)] = totals.get(_label(s), 0) + _number(y)
    kept = set(sorted(totals, key=lambda name: (-totals[name], name))[:SERIES_LIMIT])
    if len(totals) > SERIES_LIMIT:
        kept = set(sorted(kept, key=lambda name: (-totals[name], name))[:-1])
    sums: dict[tuple[Any, str], float] = {}
    for x, y, s in points:
        name = _label(s) if _label(s) in kept else OTHERS
        key = (x if isinstance(x, datetime) else _label(x), name)
        sums[key] = sums.get(key, 0) + _number(y)
    values = [_point(x, y, s, up, series) for (x, s), y in sums.items()]
    return Shape(across, up, series, values)


def described(shape: Shape, title: str) -> str:
    """Return what somebody is told who does not see the chart."""
    total = sum(point["y"] for point in shape.values)
    by = f" by {shape.across.name}" + (f" and {shape.series.name}" if shape.series else "")
    return f"{title} {shape.up.name}{by}: {len(shape.values)} values, {display(total)} together. A table follows."


def _point(x: Cell, y: float, s: str, up: Column, series: Column | None) -> dict[str, Any]:
    at = x.strftime(TIME) if isinstance(x, datetime) else x
    of = f"{s}, " if series else ""
    amount = int(y) if y == int(y) else y
    return {"x": at, "y": amount, "s": s, "text": f"{of}{display(x)}: {display(amount)} {up.name}"}


def _label(value: Cell) -> str:
    text = display(value)
    return text if len(text) <= LABEL_LIMIT else f"{text[: LABEL_LIMIT - 1]}…"


def _number(value: Cell) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
