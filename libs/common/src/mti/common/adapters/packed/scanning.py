"""Reads a pack in order, and which partitions it holds anything of."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, Self

from mti.common.adapters.packed.forms import Entry, entries_in
from mti.common.adapters.packed.merging import Merged, Part, one_part
from mti.common.adapters.packed.pack import Pack
from mti.common.adapters.packed.state import Gap, State
from mti.common.errors import StoreUnavailable
from mti.common.ports.store import Document, Key
from mti.common.races import ATTEMPTS

READ_AHEAD: Final = 4
"""Pages of a run that are read at a time."""


async def scan(pack: Pack, partition: str, after: str = "", before: str | None = None) -> AsyncIterator[Document]:
    """Yield the documents of a partition in the order of their ids, from beyond `after` and up to `before`.

    Raises:
        StoreUnavailable: the store does not answer, or the pack is compacted again and again.
    """
    for _ in range(ATTEMPTS):
        state = await pack.refresh()
        try:
            async for entries in Merged(_sources(pack, state, partition, after, before)):
                now = pack.now()
                for key, entry in entries.items():
                    after = key[1]
                    if entry.is_there(now):
                        yield entry.document(key)
        except Gap:
            continue
        return
    raise StoreUnavailable(f"{pack.name} is compacted again and again while it is read; try again")


class PartsOf:
    """What pages of a run hold, in order, some at a time. Like `Merged` it may be put aside.

    Args:
        pack: the pack.
        page_ids: the pages, in order.
    """

    def __init__(self, pack: Pack, page_ids: Sequence[str]) -> None:
        self._pack = pack
        self._page_ids = page_ids
        self._read = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Part:
        """Return what the next ones hold.

        Raises:
            Gap: a page is not there any more.
            StoreUnavailable: the store does not answer.
        """
        ids = self._page_ids[self._read : self._read + READ_AHEAD]
        if not ids:
            raise StopAsyncIteration
        found = await self._pack.inner.read_many(self._pack.name, ids)
        if len(found) < len(ids):
            raise Gap
        self._read += len(ids)
        return {key: entry for id in ids for key, entry in entries_in(found[id]).items()}


async def partitions_in(pack: Pack) -> list[str]:
    """Return the partitions that a pack holds anything of.

    Raises:
        StoreUnavailable: see `scan`.
    """
    state = await pack.refresh()
    candidates = sorted(state.partitions)
    pages = {
        partition: [page for run in state.runs for page in run.pages_from((partition, ""), _beyond(partition))[:1]]
        for partition in candidates
    }
    found = await pack.inner.read_many(pack.name, [page for its in pages.values() for page in its])
    holding: list[str] = []
    for partition in candidates:
        read = [entries_in(found[page]) for page in pages[partition] if page in found]
        seen = [state.journal_of(partition, "", None), *read]
        if _is_any_there(pack, state, partition, seen):
            holding.append(partition)
        else:
            async for _ in scan(pack, partition):
                holding.append(partition)
                break
    return holding


def _is_any_there(pack: Pack, state: State, partition: str, parts: Sequence[Part]) -> bool:
    """Say whether some entries, of which nothing newer is known, are surely there."""
    now = pack.now()
    for part in parts:
        for key, entry in part.items():
            if key[0] == partition and entry.is_there(now) and _is_newest(state, key, entry):
                return True
    return False


def _is_newest(state: State, key: Key, entry: Entry) -> bool:
    newest = state.in_journal([key]).get(key)
    return len(state.pages_for([key])) == 1 if newest is None else newest is entry


def _sources(pack: Pack, state: State, partition: str, after: str, before: str | None) -> list[AsyncIterator[Part]]:
    """Return what is to be merged, the newest first."""
    start, end = (partition, after), _beyond(partition) if before is None else (partition, before)
    runs = [_within(PartsOf(pack, run.pages_from(start, end)), start, end) for run in state.runs]
    return [one_part(state.journal_of(partition, after, before)), *runs]


async def _within(parts: AsyncIterator[Part], start: Key, end: Key) -> AsyncIterator[Part]:
    async for part in parts:
        yield {key: entry for key, entry in part.items() if start < key < end}


def _beyond(partition: str) -> Key:
    """Return what comes after all keys of a partition."""
    return f"{partition}\0", ""
