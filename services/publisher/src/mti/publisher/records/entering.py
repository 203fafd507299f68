"""Enters together what several requests settled at about the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from mti.common.errors import StoreUnavailable
from mti.publisher.records.changes import Change
from mti.publisher.records.published import Published

Write = Callable[[str, Sequence[Change]], Awaitable[Mapping[str, Published]]]


class _Entry:
    """What is written together, for one workspace."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.ids: set[str] = set()
        self.written: asyncio.Future[Mapping[str, Published]] = asyncio.get_running_loop().create_future()

    def add(self, changes: Sequence[Change], ids: Collection[str]) -> None:
        """Let changes be written with it; none of their ids is in it."""
        self.changes += changes
        self.ids.update(ids)

    def failed(self, error: BaseException) -> None:
        """Let those who wait for it know."""
        if not isinstance(error, Exception):
            error = StoreUnavailable("whoever was about to write this down as well was stopped")
        self.written.set_exception(error)
        self.written.exception()  # nobody may be waiting


class Entering:
    """One write at a time for each workspace. What comes while one is under way is written with the next one, by
    whoever came first; what is of the same observables is left to the one after it.

    Args:
        write: writes changes of a workspace, and returns what is known of their ids then.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._locks: dict[str, asyncio.Lock] = {}
        self._next: dict[str, _Entry] = {}
        """By workspace: what others may join still."""

    async def enter(self, destination: str, changes: Sequence[Change]) -> dict[str, Published]:
        """Write changes, alone or with others, and return what is known of their ids then.

        Raises:
            StoreUnavailable: the store does not take them, or whoever was about to write them was stopped.
        """
        ids = {change.id for change in changes}
        entry = self._next.get(destination)
        if entry is not None and entry.ids.isdisjoint(ids):
            entry.add(changes, ids)
            known = await asyncio.shield(entry.written)
        else:
            entry = _Entry()
            entry.add(changes, ids)
            known = await self._after_others(destination, entry)
        return {id: known[id] for id in ids}

    async def _after_others(self, destination: str, entry: _Entry) -> Mapping[str, Published]:
        lock = self._locks.setdefault(destination, asyncio.Lock())
        if lock.locked():
            self._next[destination] = entry
        try:
            async with lock:
                self._close(destination, entry)
                known = await self._write(destination, entry.changes)
        except BaseException as error:
            self._close(destination, entry)
            entry.failed(error)
            raise
        entry.written.set_result(known)
        return known

    def _close(self, destination: str, entry: _Entry) -> None:
        """Let nobody join an entry any more."""
        if self._next.get(destination) is entry:
            del self._next[destination]
