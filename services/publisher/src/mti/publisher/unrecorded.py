"""Keeps in mind what a workspace took and the store would not write down, and writes that down before all else.

A store that can be read and not written (a full disk, a lock that somebody holds, a role that is missing) would let the
same objects be uploaded again with every try, each a row that Sentinel bills. So what became of objects is noted here
before it is written, and stays noted until it is; nothing more is looked up for that workspace, and so nothing is sent
to it, before that.

It is kept in the process. One that is killed meanwhile sends once more what was in its last request.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from mti.common.errors import MtiError, StoreUnavailable
from mti.common.ports.clock import Clock
from mti.publisher.forms import repairs
from mti.publisher.records import Accept, Change, Item, Published, Refuse

log = logging.getLogger(__name__)


class Books(Protocol):
    """What each workspace holds; see `PublishedVersions`."""

    async def look_up(self, destination: str, ids: Iterable[str]) -> dict[str, Published]:
        """Return what the workspace holds of those ids."""
        ...

    async def record(self, destination: str, changes: Sequence[Change]) -> dict[str, Published]:
        """Apply changes and return what is known of their ids then."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Note:
    change: Accept | Refuse


class Unrecorded:
    """The books, with a memory for what they would not take.

    Args:
        books: the store's.
        clock: the time.
    """

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock
        self._noted: dict[str, list[_Note]] = {}
        """By destination: at most what the requests settled that were under way, since the next one waits for it."""
        self._repairs: dict[str, list[Item]] = {}
        self._catching_up: dict[str, asyncio.Lock] = {}

    async def look_up(self, destination: str, ids: Iterable[str]) -> dict[str, Published]:
        """Write down what is still to be written, then return what the workspace holds of those ids.

        Raises:
            StoreUnavailable: the store does not answer, or still does not take what was noted.
        """
        await self._catch_up(destination)
        async with _foreseen(destination):
            return await self._books.look_up(destination, ids)

    async def record(self, destination: str, changes: Sequence[Change]) -> dict[str, Published]:
        """Write changes down and return what is known of their ids then; note them where the store does not take them.

        Args:
            destination: the workspace.
            changes: what became of objects.

        Raises:
            StoreUnavailable: the store does not take them; what an answer said of objects stays noted.
        """
        try:
            async with _foreseen(destination):
                return await self._books.record(destination, changes)
        except BaseException:
            # Not before: whoever looks something up meanwhile would write down the same once more.
            if noted := [_Note(change) for change in changes if isinstance(change, (Accept, Refuse))]:
                self._noted.setdefault(destination, []).extend(noted)
            raise

    def take_repairs(self, destination: str) -> list[Item]:
        """Return what must be sent again, since somebody else was at it before it was written down after all."""
        return self._repairs.pop(destination, [])

    async def finish(self) -> None:
        """Try once more to write down all that is noted: the process ends."""
        for destination in list(self._noted):
            try:
                await self._catch_up(destination)
            except MtiError as error:
                log.error(
                    "what a workspace took could not be written down, and will be sent there once more",
                    extra={"destination": destination, "objects": len(self._noted[destination]), "why": str(error)},
                )

    async def _catch_up(self, destination: str) -> None:
        if destination in self._noted:
            async with self._catching_up.setdefault(destination, asyncio.Lock()):
                await self._write_down(destination)

    async def _write_down(self, destination: str) -> None:
        noted = list(self._noted.get(destination, ()))
        if not noted:
            return
        async with _foreseen(destination):
            recorded = await self._books.record(destination, [note.change for note in noted])
        self._forget(destination, noted)
        moment = self._clock.now()
        for note in noted:
            if isinstance(note.change, Accept) and (known := recorded.get(note.change.id)) is not None:
                self._repairs.setdefault(destination, []).extend(repairs(known, note.change.item, moment))
        log.info(
            "what a workspace took is written down after all",
            extra={"destination": destination, "objects": len(noted)},
        )

    def _forget(self, destination: str, written: Sequence[_Note]) -> None:
        gone = {id(note) for note in written}
        left = [note for note in self._noted.get(destination, ()) if id(note) not in gone]
        if left:
            self._noted[destination] = left
        else:
            self._noted.pop(destination, None)


@asynccontextmanager
async def _foreseen(destination: str) -> AsyncIterator[None]:
    """Let through what is known; anything else that a store fails with is its fault too, and no message's."""
    try:
        yield
    except MtiError:
        raise
    except Exception as error:
        log.exception("the store failed as nobody foresaw", extra={"destination": destination})
        raise StoreUnavailable(
            f"workspace {destination}: what it holds could not be read or written down ({type(error).__name__}); see "
            "the publisher's log"
        ) from error
