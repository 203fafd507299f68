"""Columns of figures: those that say nothing of any row are left out. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Column(Generic[_Row]):
    """A figure of each row."""

    heading: str
    value: Callable[[_Row], int]
    tone: str = ""
    """How it looks where it is not zero."""
    optional: bool = False
    """Whether it is left out where it is zero in every row."""


def shown_of(columns: Sequence[Column[_Row]], rows: Sequence[_Row]) -> list[Column[_Row]]:
    """Return the columns that are shown of these rows."""
    return [column for column in columns if not column.optional or any(map(column.value, rows))]
