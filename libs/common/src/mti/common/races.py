"""Compare-and-set, run again until it is won: the one loop for documents that several write at once."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from mti.common.errors import StoreUnavailable, WriteConflict

T = TypeVar("T")

ATTEMPTS: Final = 20
"""Races that may be lost in a row: who works saves now and then, and never without a pause."""


async def until_won(attempt: Callable[[], Awaitable[T]]) -> T:
    """Run an attempt again for as long as it loses its race, and return what it returns.

    Args:
        attempt: reads, decides and writes. It raises `WriteConflict` when somebody else wrote meanwhile, and reads
            anew the next time; of many documents it may keep which were written.

    Raises:
        StoreUnavailable: the store does not answer, or the race was lost `ATTEMPTS` times in a row; the text is the
            last conflict's.
    """
    lost: WriteConflict | None = None
    for _ in range(ATTEMPTS):
        try:
            return await attempt()
        except WriteConflict as conflict:
            lost = conflict
    raise StoreUnavailable(f"{lost}, {ATTEMPTS} times in a row: somebody else writes the same; try again") from lost
