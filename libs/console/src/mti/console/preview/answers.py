"""What a query answered, in the form in which it is drawn. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NOTHING = "\N{EN DASH}"
"""Stands for a value that is not there."""
Cell = str | int | float | bool | datetime | None
_NUMBERS = frozenset({"long", "real"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, and its type in Kusto."""

    name: str
    type: str

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.type in _NUMBERS


@dataclass(frozen=True, slots=True)
class Answer:
    """Columns and rows."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    more: bool = False
    """Whether there were more rows than are shown."""

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> "Answer":
        """Read what a process answered."""
        columns = [Column(str(name), str(kind)) for name, kind in answer["columns"]]
        rows = [[_read(value, each.type) for value, each in zip(row, columns, strict=True)] for row in answer["rows"]]
        return cls(columns, rows, bool(answer["more"]))

    def place(self, name: str | None) -> int | None:
        """Return the place of a column; `None` where there is none of that name."""
        return next((number for number, each in enumerate(self.columns) if each.name == name), None)


def display(value: Cell) -> str:
    """Return a value as people read it; times are in UTC, and without the year."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%-d %b" if _is_midnight(value) else "%-d %b, %H:%M")
    if isinstance(value, float):
        if value == int(value) or abs(value) >= 1_000:
            return f"{value:,.0f}"
        # A month's cost of few rows is less than a cent, and not nothing.
        return f"{value:,.{2 if abs(value) >= 0.1 else 4}f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else value


def _is_midnight(value: datetime) -> bool:
    return (value.hour, value.minute, value.second) == (0, 0, 0)


def _read(value: Any, kind: str) -> Cell:  # noqa: ANN401  a value of JSON
    if kind == "datetime" and isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
