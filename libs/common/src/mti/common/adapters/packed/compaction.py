"""Keeps a pack small to search: makes a run of each epoch that is over, and one run of several.

Each step writes all that is new, and then changes the head by compare-and-set; nothing counts before that. What a run
is made of decides its name and every byte of it, so whoever is killed, or does the same at the same time as another
process, leaves nothing that the next one would not make again, as long as nothing came in between; see `orphans` for
what is left otherwise. What counts no more is named by the head, and removed before the next change of it.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import groupby
from typing import Final

from mti.common.adapters.packed.forms import Position, RunNote
from mti.common.adapters.packed.journal import WrittenPack
from mti.common.adapters.packed.merging import Part, in_order, merged, one_part, remaining
from mti.common.adapters.packed.orphans import orphans
from mti.common.adapters.packed.runs import Run, RunWriter
from mti.common.adapters.packed.scanning import parts_of
from mti.common.adapters.packed.state import Epoch, Gap, State
from mti.common.ports.store import Document

AT_ONCE: Final = 24
"""Pages that are written together."""
REMOVED_AT_ONCE: Final = 16


async def compact(pack: WrittenPack) -> None:
    """Do all that there is to do; nothing while this process is at it already.

    Raises:
        StoreUnavailable: the store does not answer; what was begun is done again another time.
    """
    if pack.compacting.locked():
        return
    async with pack.compacting:
        compaction = Compaction(pack)
        while await compaction.step():
            pass


class Compaction:
    """The compaction of one pack; other processes may be at it too.

    Args:
        pack: the pack.
    """

    def __init__(self, pack: WrittenPack) -> None:
        self._pack = pack

    async def step(self) -> bool:
        """Take the next step, and say whether there was one."""
        state = await self._pack.refresh()
        if (epoch := state.closed_epoch()) is not None:
            await self._merge_epoch(state, epoch)
        elif runs := _to_be_merged(state.head.runs, self._pack.limits.fan_in):
            try:
                await self._merge_runs(state, runs)
            except Gap:
                return True  # somebody else merged them
        else:
            return False
        return True

    async def _merge_epoch(self, state: State, epoch: Epoch) -> None:
        number = state.head.epoch
        note = RunNote(number, number, 0, not state.runs, epoch.at)
        made = await self._written(note, [one_part(in_order(epoch.entries))])
        garbage = [Position(number, each).id for each in range(epoch.documents)]
        await self._remove(state.head.garbage)
        head = state.head.with_epoch_merged([run.note for run in made], garbage)
        await self._pack.replace_head(state, head, made)

    async def _merge_runs(self, state: State, notes: Sequence[RunNote]) -> None:
        newest, oldest = notes[0], notes[-1]
        whole = oldest == state.head.runs[-1]
        note = RunNote(oldest.first, newest.last, newest.tier + 1, whole, newest.at)
        made = await self._written(note, [parts_of(self._pack, note.page_ids) for note in notes])
        garbage = [id for note in notes for id in (*note.page_ids, *note.index_ids)]
        await self._remove(state.head.garbage)
        await self._remove([id async for id in orphans(self._pack, state.head, [run.note for run in made])])
        head = state.head.with_runs_merged(notes, [run.note for run in made], garbage)
        await self._pack.replace_head(state, head, made)

    async def _written(self, note: RunNote, parts: Sequence[AsyncIterator[Part]]) -> list[Run]:
        """Write a run of what is merged, and return it; none where nothing is left."""
        writer, waiting = RunWriter(self._pack.name, note, self._pack.limits), list[Document]()
        async for entries in merged(parts):
            waiting += writer.add(remaining(entries, note.at, oldest=note.whole))
            if len(waiting) >= AT_ONCE:
                await self._write(waiting)
                waiting = []
        await self._write([*waiting, *writer.end()])
        return writer.runs()

    async def _write(self, documents: Sequence[Document]) -> None:
        """Create documents; those that another try has left are the same already."""
        for start in range(0, len(documents), AT_ONCE):
            await self._pack.inner.write_many(documents[start : start + AT_ONCE])

    async def _remove(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), REMOVED_AT_ONCE):
            part = ids[start : start + REMOVED_AT_ONCE]
            await asyncio.gather(*(self._pack.inner.delete(self._pack.name, id) for id in part))


def _to_be_merged(notes: Sequence[RunNote], fan_in: int) -> Sequence[RunNote]:
    """Return the runs of the lowest tier that has too many; they follow each other."""
    for _, group in groupby(notes, key=lambda note: note.tier):
        runs = list(group)
        if len(runs) >= fan_in:
            return runs
    return ()
