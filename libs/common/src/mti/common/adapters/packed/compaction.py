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
from mti.common.adapters.packed.merging import Merged, Part, in_order, one_part, remaining
from mti.common.adapters.packed.orphans import orphans
from mti.common.adapters.packed.runs import Run, RunWriter
from mti.common.adapters.packed.scanning import PartsOf
from mti.common.adapters.packed.state import Epoch, Gap, State
from mti.common.ports.store import Document

AT_ONCE: Final = 24
"""Pages that are written together."""
REMOVED_AT_ONCE: Final = 16


class Merge:
    """A run on its way.

    Args:
        pack: its pack.
        note: what is known of the run before.
        newest_first: what it is made of.
        replaced: the runs in whose place it comes.
    """

    def __init__(
        self,
        pack: WrittenPack,
        note: RunNote,
        newest_first: Sequence[AsyncIterator[Part]],
        replaced: Sequence[RunNote] = (),
    ) -> None:
        self.replaced = replaced
        self._pack = pack
        self._note = note
        self._merged = Merged(newest_first)
        self._writer = RunWriter(pack.name, note, pack.limits)

    async def whole(self) -> list[Run]:
        """Write all of it, and return it; none where nothing is left."""
        while (made := await self.go_on(AT_ONCE)) is None:
            pass
        return made

    async def go_on(self, pages: int) -> list[Run] | None:
        """Write so many pages more, or some less, and return the run if these were the last.

        Raises:
            Gap: somebody else merged what it is made of.
            StoreUnavailable: the store does not answer.
        """
        waiting = list[Document]()
        async for entries in self._merged:
            waiting += self._writer.add(remaining(entries, self._note.at, oldest=self._note.whole))
            if len(waiting) >= min(AT_ONCE, pages):
                await self._write(waiting)
                pages -= len(waiting)
                waiting = []
                if pages <= 0:
                    return None
        await self._write([*waiting, *self._writer.end()])
        return self._writer.runs()

    async def _write(self, documents: Sequence[Document]) -> None:
        """Create documents; those that another try has left are the same already."""
        for start in range(0, len(documents), AT_ONCE):
            await self._pack.inner.write_many(documents[start : start + AT_ONCE])


class Compaction:
    """The compaction of one pack; other processes may be at it too.

    Args:
        pack: the pack.
    """

    def __init__(self, pack: WrittenPack) -> None:
        self._pack = pack
        self._working = asyncio.Lock()
        self._begun: Merge | None = None
        """What was put aside."""

    async def compact(self) -> None:
        """Do what there is to do, within bounds; nothing while this process is at it already.

        Raises:
            StoreUnavailable: the store does not answer; what was begun is done again another time.
        """
        if not self._working.locked():
            async with self._working:
                while await self._step():
                    pass

    async def _step(self) -> bool:
        """Take the next step, and say whether there may be another one now."""
        state = await self._pack.refresh()
        if (epoch := state.closed_epoch()) is not None:
            await self._merge_epoch(state, epoch)
            return True
        merge, self._begun = self._begun or self._merge_of(state), None
        if merge is None:
            return False
        try:
            made = await merge.go_on(self._pack.limits.pages_at_once)
        except Gap:
            return True  # somebody else merged them
        if made is None:
            self._begun = merge
            return False
        await self._put_in_place(merge.replaced, made)
        return True

    async def _merge_epoch(self, state: State, epoch: Epoch) -> None:
        number = state.head.epoch
        note = RunNote(number, number, 0, not state.runs, epoch.at)
        made = await Merge(self._pack, note, [one_part(in_order(epoch.entries))]).whole()
        garbage = [Position(number, each).id for each in range(epoch.documents)]
        await self._remove(state.head.garbage)
        head = state.head.with_epoch_merged([run.note for run in made], garbage, epoch.batches)
        await self._pack.replace_head(state, head, made)

    def _merge_of(self, state: State) -> Merge | None:
        """Return the merge that is due; `None` where none is."""
        if not (notes := _to_be_merged(state.head.runs, self._pack.limits.fan_in)):
            return None
        newest, oldest = notes[0], notes[-1]
        whole = oldest == state.head.runs[-1]
        note = RunNote(oldest.first, newest.last, newest.tier + 1, whole, newest.at)
        return Merge(self._pack, note, [PartsOf(self._pack, note.page_ids) for note in notes], notes)

    async def _put_in_place(self, replaced: Sequence[RunNote], made: Sequence[Run]) -> None:
        """Put a run in the place of those that it was made of, unless somebody else did so meanwhile."""
        state = await self._pack.refresh()
        if any(note not in state.head.runs for note in replaced):
            return
        notes = [run.note for run in made]
        garbage = [id for note in replaced for id in (*note.page_ids, *note.index_ids)]
        await self._remove(state.head.garbage)
        await self._remove([id async for id in orphans(self._pack, state.head, notes)])
        await self._pack.replace_head(state, state.head.with_runs_merged(replaced, notes, garbage), made)

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
