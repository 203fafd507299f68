"""Closes what an audit found in the books of fetcher and normalizer: the next one reads what is new, and a sum.

See `mti.normalizer.records` for why a chunk counts once at every instant. Audits may close at the same
time, in one process or in several: the sum decides who does, and the other leaves it at that.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Final

from mti.common.checkpoints import Versioned
from mti.common.errors import StoreUnavailable, WriteConflict
from mti.fetcher.records import Ledger as FetchLedger
from mti.normalizer.records import ChunkBooks, ClosedSum
from mti.normalizer.records import Ledger as NormalizeLedger

log = logging.getLogger(__name__)

CLOSED_AFTER: Final = timedelta(hours=2)
"""How long after it was published a chunk is closed at the earliest. No handler has one in hand for as long, so none
writes the books of a chunk that was closed meanwhile."""
AT_ONCE: Final = 20_000
"""Chunks that one audit closes; one that finds more leaves the rest to the next."""
_TOGETHER: Final = 16
_BATCH: Final = 200
"""Chunks that the sum takes in at a time; it names them, and a document has its bounds."""


@dataclass(slots=True)
class Matched:
    """What an audit found to be closed, of one source."""

    before: Versioned[ClosedSum]
    """The sum, read before the chunks were."""
    books: dict[str, ChunkBooks] = field(default_factory=dict)
    """Chunks in both books, old enough."""
    leftover: list[str] = field(default_factory=list)
    """Chunks that are closed already and still stood among the open ones."""


class Closing:
    """Closes the books of sources, in one audit."""

    def __init__(self, fetched: FetchLedger, handled: NormalizeLedger) -> None:
        self._fetched = fetched
        self._handled = handled
        self._room = AT_ONCE

    def takes(self) -> bool:
        """Say whether another chunk can be closed in this audit, and count it."""
        self._room -= 1
        return self._room >= 0

    async def close(self, matched: Matched) -> None:
        """Close what was found. Where that can't be, it stays open and is no less true: an audit goes on."""
        source = matched.before.key
        try:
            await self._sweep(source, matched.leftover)
            before, waiting = matched.before, iter(matched.books.items())
            while batch := dict(islice(waiting, _BATCH)):
                before = await self._handled.close(before, batch)
                await self._sweep(source, list(batch))
        except WriteConflict:
            return  # somebody else closes them
        except StoreUnavailable as error:
            log.warning("the books of %s stay open for now: %s", source, error)

    async def _sweep(self, source: str, chunks: list[str]) -> None:
        # The fetcher's first: a chunk in the normalizer's alone is handled, one in the fetcher's alone seems not to be.
        await _in_batches(chunks, lambda chunk: self._fetched.remove(source, chunk))
        await _in_batches(chunks, lambda chunk: self._handled.sweep(source, chunk))


async def _in_batches(chunks: Sequence[str], remove: Callable[[str], Awaitable[None]]) -> None:
    """Remove chunks, several at once."""
    for start in range(0, len(chunks), _TOGETHER):
        await asyncio.gather(*(remove(chunk) for chunk in chunks[start : start + _TOGETHER]))
