"""One source: each chunk that was published against each that was handled."""

from collections.abc import AsyncIterator

from mti.common.ports.store import Store
from mti.common.registry import Feed, Source
from mti.fetcher.ledger import CONTAINER as FETCHED
from mti.fetcher.ledger import Ledger as FetchLedger
from mti.normalizer.ledger import CONTAINER as HANDLED
from mti.normalizer.ledger import ChunkBooks, Totals
from mti.normalizer.ledger import Ledger as NormalizeLedger
from mti.operations.books import SourceBooks
from mti.operations.merging import merge


class SourceAudit:
    """Compares the fetcher's books with the normalizer's."""

    def __init__(self, fetcher: Store, normalizer: Store) -> None:
        self._fetched = FetchLedger(fetcher.container(FETCHED))
        self._handled = NormalizeLedger(normalizer.container(HANDLED))

    async def sources(self) -> set[str]:
        """Return the sources that have books in either."""
        return {source async for source in self._fetched.sources()} | set(await self._handled.sources())

    async def of(self, name: str, source: Source | None) -> tuple[SourceBooks, dict[str, int]]:
        """Return the books of a source, and its chunks that are published and not handled, with their detections.

        A chunk that was handled and is not in the fetcher's books counts: the fetcher died just after it was sent. One
        that a person sent in the place of another is in the fetcher's books neither, and is to be handled as well.
        """
        totals, unhandled, mended = Totals(), dict[str, int](), dict[str, int]()
        async for chunk, found in merge([_either(self._fetched.scan(name)), _either(self._handled.scan(name))]):
            books = found.get(1)
            if isinstance(books, ChunkBooks):
                totals.add(books)
                if books.replaced_by is not None and books.replacement:
                    mended[books.replaced_by] = books.replacement
            elif isinstance(count := found[0], int):
                unhandled[chunk] = count
        for chunk, count in mended.items():
            if await self._handled.read(name, chunk) is None:
                unhandled[chunk] = count
        return _books(name, source, totals, sum(unhandled.values())), unhandled


async def _either(
    stream: AsyncIterator[tuple[str, int]] | AsyncIterator[tuple[str, ChunkBooks]],
) -> AsyncIterator[tuple[str, int | ChunkBooks]]:
    async for id, found in stream:
        yield id, found


def _books(name: str, source: Source | None, totals: Totals, unhandled: int) -> SourceBooks:
    feed = source.feed if source else Feed.MALWARE_GRID if name.startswith("grid:") else name.rpartition("/")[2]
    return SourceBooks(
        source=name,
        tenant=source.tenant if source else None if name.startswith("grid:") else name.partition("/")[0],
        feed=str(feed),
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
