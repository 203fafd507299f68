"""Which rows of a long table a person is shown: what is unwell first, and the rest when it is asked for."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from rich.text import Text

from mti.cli.console import sentence

SHOWN = 20
"""Rows of a table that are shown unasked: what fits a screen."""

_Row = TypeVar("_Row")


def pick(
    rows: Sequence[_Row], severity: Callable[[_Row], int], *, everything: bool, how: str = "--all"
) -> tuple[list[_Row], list[Text]]:
    """Return the rows that are shown, what is unwell first, and the sentence about those that are not.

    Args:
        rows: all of them; those that are equally severe stay in their order.
        severity: how unwell a row is; 0 when it is well.
        everything: whether all are shown, however many they are.
        how: what a person types to be shown the rest.
    """
    ordered = sorted(rows, key=severity, reverse=True)
    if everything or len(ordered) <= SHOWN:
        return ordered, []
    unwell = [row for row in ordered if severity(row)]
    well = len(ordered) - len(unwell)
    hidden = [f"{len(unwell) - SHOWN:,} more are unwell"] if len(unwell) > SHOWN else []
    hidden += [f"{well:,} are well"] if well else []
    return unwell[:SHOWN], [sentence((f"  {' and '.join(hidden)}: {how} shows them", "dim"))]


def total_of(count: int) -> Text:
    """Return the name of the row with the sums."""
    return Text(f"all {count:,}", style="bold")
