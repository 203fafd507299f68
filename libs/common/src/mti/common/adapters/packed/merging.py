"""Merges sorted parts: of several that say something of a key, the newest counts."""

from bisect import bisect_right
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Self

from mti.common.adapters.packed.forms import Entry, gone
from mti.common.ports.store import Key

Part = Mapping[Key, Entry]
"""In the order of the keys."""


class _Source:
    """Sorted parts, and how far they were taken."""

    def __init__(self, parts: AsyncIterator[Part]) -> None:
        self._parts = parts
        self._part: Part = {}
        self._keys: Sequence[Key] = ()
        self._start = 0
        self.ended = False

    @property
    def end(self) -> Key:
        """The last key of what is at hand."""
        return self._keys[-1]

    async def fill(self) -> None:
        """See that something is at hand, if anything is left."""
        while not self.ended and self._start == len(self._keys):
            part = await anext(self._parts, None)
            self._part, self.ended = part or {}, part is None
            self._keys, self._start = list(self._part), 0

    def take(self, bound: Key) -> Iterable[tuple[Key, Entry]]:
        """Take what is at hand up to a key."""
        start, self._start = self._start, bisect_right(self._keys, bound, self._start)
        return ((key, self._part[key]) for key in self._keys[start : self._start])


class Merged:
    """All entries in the order of their keys, some at a time, of each key the newest.

    It may be put aside and gone on with, and is no generator for that: an event loop that ends closes these, and what
    was left of them would be missing.

    Args:
        newest_first: what is merged.
    """

    def __init__(self, newest_first: Sequence[AsyncIterator[Part]]) -> None:
        self._sources = [_Source(parts) for parts in newest_first]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Part:
        for source in self._sources:
            await source.fill()
        sources = self._sources = [source for source in self._sources if not source.ended]
        if not sources:
            raise StopAsyncIteration
        if len(sources) == 1:
            return dict(sources[0].take(sources[0].end))
        bound = min(source.end for source in sources)
        found: dict[Key, Entry] = {}
        for source in reversed(sources):
            found.update(source.take(bound))
        return in_order(found)


async def one_part(part: Part) -> AsyncIterator[Part]:
    """Yield a part."""
    yield part


def in_order(entries: Part) -> dict[Key, Entry]:
    """Return entries in the order of their keys."""
    return {key: entries[key] for key in sorted(entries)}


def remaining(entries: Part, at: float, *, oldest: bool) -> Part:
    """Return what a run is to hold.

    What was removed, or whose time to live has passed, leaves where no older run is left that could bring an earlier
    version back; before that it stays as removed.

    Args:
        entries: in the order of their keys.
        at: the time of the newest one of them, and not that of the machine: so whoever merges the same makes the same.
        oldest: whether no older run is left.
    """
    over = {key: gone(entry.etag) for key, entry in entries.items() if not entry.is_there(at)}
    if not over:
        return entries
    if oldest:
        return {key: entry for key, entry in entries.items() if key not in over}
    return {**entries, **over}
