"""Finds documents below that nobody names: what compactions have left that were killed, or that others outran.

A run is made of the journal's first epoch, or of runs that follow each other in the head. So once its last epoch has
left the journal, and its first or its last is no longer where a run of the head begins or ends, no later head can name
it, whoever makes that; who still writes it goes by a head that was replaced, and can't replace it. What is found dead
stays dead, and may be removed at any time.
"""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Final

from mti.common.adapters.packed.forms import JOURNAL, Head, Position, RunNote, index_id, page_id
from mti.common.adapters.packed.pack import Pack

_RUN: Final = re.compile(r"(?:page|index)!\d+\.(\d+)-(\d+)(?:\.whole)?!\d+")
Range = tuple[str, str]
"""Of ids: the first and the last, or what stands before and after."""


async def orphans(pack: Pack, head: Head, made: Iterable[RunNote]) -> AsyncIterator[str]:
    """Yield the ids of documents that no head can name any more.

    What lies where something is known is not read: the cost is that of looking between the runs.

    Args:
        pack: the pack.
        head: as it was read; what it calls garbage is gone.
        made: runs that are to be in the next one.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    for after, before in _unnamed(head, [*head.runs, *made]):
        async for document in pack.inner.scan(pack.name, after=after, before=before):
            if is_dead(document.id, head):
                yield document.id


def is_dead(id: str, head: Head) -> bool:
    """Say whether what a head does not name can't be named by any later one either."""
    if id.startswith(JOURNAL):
        return Position.of(id).epoch < head.epoch
    run = _RUN.fullmatch(id)
    if run is None:
        return False
    first, last = map(int, run.groups())
    begins, ends = {note.first for note in head.runs}, {note.last for note in head.runs}
    return last < head.epoch and not (first in begins and last in ends)


def _unnamed(head: Head, runs: Iterable[RunNote]) -> Iterator[Range]:
    """Yield the ranges of ids in which nothing is that is known."""
    runs = list(runs)
    yield JOURNAL, Position(head.epoch).id
    yield from _between("index!", [(index_id(run.id, 0), index_id(run.id, run.indexes - 1)) for run in runs])
    yield from _between("page!", [(page_id(run.id, 0), page_id(run.id, run.pages - 1)) for run in runs])


def _between(start: str, known: Iterable[Range]) -> Iterator[Range]:
    end = start[:-1] + '"'  # which follows the mark
    for first, last in sorted(known):
        yield start, first
        start = last
    yield start, end
