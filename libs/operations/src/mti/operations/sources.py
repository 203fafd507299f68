"""One source: each chunk that was published against each that was handled."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import islice
from typing import Final

from mti.common.checkpoints import Versioned
from mti.common.errors import WriteConflict
from mti.common.ports.clock import Clock
from mti.common.ports.store import Store
from mti.common.races import until_won
from mti.common.registry import Registry, Source
from mti.common.source_id import SourceId
from mti.fetcher.records import FETCHED, Entry
from mti.fetcher.records import Ledger as FetchLedger
from mti.normalizer.records import HANDLED, ChunkBooks, ClosedSum, Totals
from mti.normalizer.records import Ledger as NormalizeLedger
from mti.operations.books import SourceBooks
from mti.operations.closing import CLOSED_AFTER, Closing, Matched
from mti.operations.merging import merge

_BETWEEN: Final = 1.0
"""Seconds until a source is read again that somebody else was closing."""
_TOGETHER: Final = 32
"""Sources that are read at a time."""


class SourceAudit:
    """Compares the fetcher's books with the normalizer's, and closes what it finds in both.

    Args:
        fetcher: its store.
        normalizer: its store.
        clock: the time, which says what is old enough to be closed.
    """

    def __init__(self, fetcher: Store, normalizer: Store, clock: Clock) -> None:
        self._fetched = FetchLedger(fetcher.container(FETCHED))
        self._handled = NormalizeLedger(normalizer.container(HANDLED))
        self._closing = Closing(self._fetched, self._handled)
        self._clock = clock

    async def sources(self) -> set[str]:
        """Return the sources that have books in either."""
        return {source async for source in self._fetched.sources()} | set(await self._handled.sources())

    async def of(self, name: str, source: Source | None) -> tuple[SourceBooks, dict[str, int]]:
        """Return the books of a source, and its chunks that are published and not handled, with their detections.

        A chunk that was handled and is not in the fetcher's books counts: the fetcher died just after it was sent. One
        that a person sent in the place of another is in the fetcher's books neither, and is to be handled as well.

        Raises:
            StoreUnavailable: a store does not answer, or others close these books again and again.
        """

        async def attempt() -> _Compared:
            compared = await self._compared(await self._handled.closed.sum_of(name))
            if not await self._handled.unchanged(compared.before):
                await self._clock.sleep(_BETWEEN)
                raise WriteConflict(f"{name}: its books were being closed while they were read")
            return compared

        return await self._closed(source, await until_won(attempt))

    async def each(self, registry: Registry) -> AsyncIterator[tuple[SourceBooks, dict[str, int]]]:
        """Yield the same of every source that is in the registry or has books, by their names.

        Some are read at a time, so that a thousand sources wait for a store as seldom as may be.

        Raises:
            StoreUnavailable: a store does not answer, or others close these books again and again.
        """
        names = iter(sorted({*registry.sources, *await self.sources()}))
        while some := list(islice(names, _TOGETHER)):
            before = await self._handled.closed.sums_of(some)
            compared = await asyncio.gather(*(self._compared(before[name]) for name in some))
            after = await self._handled.closed.sums_of(some)
            for name, each in zip(some, compared, strict=True):
                source = registry.sources.get(name)
                if after[name].value == before[name].value:
                    yield await self._closed(source, each)
                else:
                    yield await self.of(name, source)

    async def _closed(self, source: Source | None, compared: "_Compared") -> tuple[SourceBooks, dict[str, int]]:
        await self._closing.close(compared.matched)
        unhandled = compared.unhandled
        return _books(compared.before.key, source, compared.totals, sum(unhandled.values())), unhandled

    async def _compared(self, before: Versioned[ClosedSum]) -> "_Compared":
        name = before.key
        compared = _Compared(Matched(before), self._closing, self._clock.now() - CLOSED_AFTER)
        async for chunk, sides in merge([_either(self._fetched.entries(name)), _either(self._handled.scan(name))]):
            compared.take(chunk, sides.get(0), sides.get(1))
        if compared.before.value.chunks and compared.unhandled:
            # The fetcher may have entered a chunk once more after it was closed.
            for chunk in await self._handled.closed.which(name, list(compared.unhandled)):
                del compared.unhandled[chunk]
                compared.matched.leftover.append(chunk)
        for chunk, count in compared.mended.items():
            if await self._handled.read(name, chunk) is None:
                compared.unhandled[chunk] = count
        return compared


class _Compared:
    """One source, as far as it was read."""

    def __init__(self, matched: Matched, closing: Closing, old: datetime) -> None:
        self.matched = matched
        self._closing = closing
        self.before = matched.before
        self.totals = Totals()
        self.totals.carry(self.before.value)
        self.unhandled: dict[str, int] = {}
        self.mended: dict[str, int] = {}
        self._counted = frozenset(self.before.value.closing)
        self._old = old

    def take(self, chunk: str, published: object, handled: object) -> None:
        if chunk in self._counted:
            self.matched.leftover.append(chunk)
            return
        if isinstance(handled, ChunkBooks):
            self.totals.add(handled)
            if handled.replaced_by is not None and handled.replacement:
                self.mended[handled.replaced_by] = handled.replacement
            old = isinstance(published, Entry) and published.at < self._old
            if old and handled.final and self._closing.takes():
                self.matched.books[chunk] = handled
        elif isinstance(published, Entry):
            self.unhandled[chunk] = published.detections


async def _either(
    stream: AsyncIterator[tuple[str, Entry]] | AsyncIterator[tuple[str, ChunkBooks]],
) -> AsyncIterator[tuple[str, Entry | ChunkBooks]]:
    async for id, entry in stream:
        yield id, entry


def _books(name: str, source: Source | None, totals: Totals, unhandled: int) -> SourceBooks:
    id = SourceId.parse(name)
    return SourceBooks(
        source=name,
        tenant=id.tenant,
        feed=str((source.feed if source else id.feed) or ""),
        region=source.region if source else "",
        detections=totals.detections + unhandled,
        added=totals.added,
        ahead=totals.ahead,
        new=totals.new,
        refreshed=totals.refreshed,
        suppressed=totals.suppressed,
        rejected={reason: count for reason, count in sorted(totals.rejected.items()) if count},
        indicators_new=totals.indicators_new,
        indicators_refreshed=totals.indicators_refreshed,
    )
