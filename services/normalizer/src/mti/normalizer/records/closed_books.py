"""Closed books: chunks that were counted for good, as one sum a source.

A reconciliation would otherwise read every chunk that ever came. So chunks that were published and handled leave
the open books: their sum grows, and each is kept for a while under its id, so that one that comes again is known.

It stays true at every instant that a chunk counts once, although nothing here is atomic but one write:

1. the chunks are kept, each under its id;
2. the sum is written by compare-and-set; it names the chunks that it counts now and that may still be among the open;
3. these are removed from the open books.

A reader counts the sum and the open books without those that the sum names. When the sum changed while it read, it
reads again. Who dies between two steps leaves nothing that counts twice; the next one sweeps up.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from pydantic import JsonValue

from mti.common.checkpoints import Checkpoints, Versioned
from mti.common.ports.store import Container, Document
from mti.normalizer.records.books import ClosedSum

SUMS: Final = "~sums"
"""The partition of the sums; no source is called so, since a tenant's name begins with a letter or a digit."""
FIRST_KEPT: Final = "~"
"""Begins the id of a closed chunk's document, which stands in its source's partition behind all open ones."""
KEEP_CLOSED: Final = timedelta(days=90)
"""How long a closed chunk is known by its id; should it come again later, it counts as a new one."""


class ClosedBooks:
    """The sums, and the closed chunks by their ids.

    Args:
        container: the store's container `ledger`, which the open books are in too.
    """

    def __init__(self, container: Container) -> None:
        self._container = container
        self._sums = Checkpoints(container, SUMS, ClosedSum)

    async def read(self, source: str, chunk: str) -> Document | None:
        """Return the document of a closed chunk."""
        return (await self._container.read_many(source, [kept_id(chunk)])).get(kept_id(chunk))

    async def which(self, source: str, chunks: Sequence[str]) -> set[str]:
        """Return which of these chunks are closed."""
        documents = await self._container.read_many(source, [kept_id(chunk) for chunk in chunks])
        return {id.removeprefix(FIRST_KEPT) for id in documents}

    async def keep(self, source: str, chunks: Mapping[str, dict[str, JsonValue]]) -> None:
        """Keep chunks under their ids; those that are kept already stay as they are."""
        seconds = int(KEEP_CLOSED.total_seconds())
        await self._container.write_many(
            [Document(partition=source, id=kept_id(id), body=body, ttl=seconds) for id, body in chunks.items()]
        )

    async def sum_of(self, source: str) -> Versioned[ClosedSum]:
        """Return the sum of a source."""
        return await self._sums.load(source, ClosedSum())

    async def sums_of(self, sources: Sequence[str]) -> dict[str, Versioned[ClosedSum]]:
        """Return the sums of sources, all of one moment."""
        return await self._sums.load_many(sources, ClosedSum())

    async def save(self, changed: Versioned[ClosedSum]) -> Versioned[ClosedSum]:
        """Write a sum if it is still the one that was read.

        Raises:
            WriteConflict: somebody else closed meanwhile.
        """
        return await self._sums.save(changed)

    async def sources(self) -> AsyncIterator[str]:
        """Yield the sources that have a sum."""
        async for source, _ in self._sums.all():
            yield source


def kept_id(chunk: str) -> str:
    """Return the id of a closed chunk's document."""
    return FIRST_KEPT + chunk
