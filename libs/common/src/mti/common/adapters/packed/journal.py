"""One pack that is written to: batches are appended to its journal by compare-and-set.

A journal document is created under the next number. Who is first has written; whoever else wanted the number reads what
came, decides anew and takes the next one. So what a batch is decided by is what stands in the pack at that moment,
whoever writes there; and it is written, or is not, as one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import compress, count
from typing import Final

from mti.common.adapters.packed.forms import HEAD, Entry, Head, Limits, Written, entries_written, packed_body
from mti.common.adapters.packed.pack import Pack
from mti.common.adapters.packed.pages import Pages
from mti.common.adapters.packed.runs import Run
from mti.common.adapters.packed.state import State
from mti.common.errors import WriteConflict
from mti.common.ports.clock import Clock
from mti.common.ports.store import Container, Document, Key
from mti.common.races import until_won

EPOCHS_WAITING: Final = 2
"""Epochs in the journal beyond which somebody else seems not to make runs of them."""


class WrittenPack(Pack):
    """A pack that this process writes to; others may, too.

    Args:
        name: see `Pack`.
        inner: see `Pack`.
        pages: see `Pack`.
        clock: see `Pack`.
        limits: see `Pack`.
        writer: what tells this process from all others.
    """

    def __init__(self, name: str, inner: Container, pages: Pages, clock: Clock, limits: Limits, writer: str) -> None:
        super().__init__(name, inner, pages, clock, limits)
        self._writer = writer
        self._tries = count()
        """Counted, so that no try of this process has the etag of another: who did not hear that it wrote may come back
        to the same number when that is free again."""
        self._writing = asyncio.Lock()
        self._ended_an_epoch = False

    @property
    def is_due(self) -> bool:
        """Whether this process is to compact it: who ends an epoch is, and everybody where that was not enough."""
        state = self._state
        return self._ended_an_epoch or (state is not None and len(state.epochs) > EPOCHS_WAITING)

    async def write(self, batch: Sequence[Written]) -> list[Document | None]:
        """Write each document that is still the version that was read, all at once; `None` where it is not.

        Raises:
            StoreUnavailable: the store does not answer, or others write to the pack again and again.
        """
        keys = [written.key for written in batch]

        async def attempt() -> list[Document | None]:
            state, found = await self.current(keys)
            kept = self._unchanged(batch, found)
            if not all(kept):
                # What the caller read may be newer than what is known here.
                await self.refresh()
                state, found = await self.current(keys)
                kept = self._unchanged(batch, found)
            if not any(kept):
                return [None] * len(batch)
            etag = await self._append(state, list(compress(batch, kept)), ())
            return [each.document.with_etag(etag) if stays else None for each, stays in zip(batch, kept, strict=True)]

        async with self._writing:
            return await until_won(attempt)

    async def remove(self, key: Key) -> None:
        """Remove a document, if there is one.

        Raises:
            StoreUnavailable: see `write`.
        """

        async def attempt() -> None:
            await self.refresh()
            state, found = await self.current([key])
            if (entry := found.get(key)) is not None and entry.is_there(self.now()):
                await self._append(state, (), [key])

        async with self._writing:
            await until_won(attempt)

    async def replace_head(self, state: State, head: Head, made: Sequence[Run]) -> None:
        """Put a head in the place of that of a state, unless somebody else did so meanwhile.

        Args:
            state: what the head was made by.
            head: the new one.
            made: the run that only the new one has.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        document = Document(partition=self.name, id=HEAD, body=head.body(), etag=state.etag)
        try:
            written = await self.inner.write(document)
        except WriteConflict:
            await self.refresh()
            return
        self._ended_an_epoch = False
        runs = {run.note: run for run in (*state.runs, *made)}
        after = State(head, written.etag, [runs[note] for note in head.runs])
        after.take_journal(self._state or state)
        self._state = after

    def _unchanged(self, batch: Sequence[Written], found: Mapping[Key, Entry]) -> list[bool]:
        """Say of each document whether it is the version that was read."""
        now = self.now()
        etags = {key: entry.etag for key, entry in found.items() if entry.is_there(now)}
        return [written.document.etag == etags.get(written.key) for written in batch]

    async def _append(self, state: State, batch: Sequence[Written], removed: Sequence[Key]) -> str:
        """Write a journal document by what is known, and return the etag of all that it says.

        Raises:
            WriteConflict: somebody else wrote meanwhile.
            StoreUnavailable: the store does not answer.
        """
        position = state.tail
        epoch = state.epochs.get(position.epoch)
        at, etag = self.now(), position.etag(f"{self._writer}.{next(self._tries)}")
        entries = entries_written(batch, removed, etag, at)
        total = len(entries) + (0 if epoch is None else len(epoch.entries))
        last = position.number + 1 >= self.limits.epoch_documents or total >= self.limits.epoch_entries
        body = packed_body(entries, at=at, last=last)
        try:
            await self.inner.write(Document(partition=self.name, id=position.id, body=body))
            # Who was away for long finds a number free again when what was there has become part of a run.
            head = Head.of(await self.inner.read(self.name, HEAD))
            if head.epoch > position.epoch:
                if etag in head.batches:  # others were quick, and what was written is part of a run
                    return etag
                await self.inner.delete(self.name, position.id)
                raise WriteConflict(f"{self.name}: {position.id} counts no more")
        except WriteConflict as conflict:
            await self.refresh()
            raise WriteConflict(f"{self.name} is being written to by somebody else as well") from conflict
        if state.tail == position:
            state.add(entries, at, last=last)
        self._ended_an_epoch |= last
        return etag
