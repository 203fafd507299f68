"""Totals over all sources, for somebody who watches."""

from dataclasses import dataclass
from typing import Self

from mti.common.ports.store import Store
from mti.fetcher.records import FETCHED
from mti.fetcher.records import Ledger as FetchLedger
from mti.normalizer.records import HANDLED
from mti.normalizer.records import Ledger as NormalizeLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What was fetched and what became of it, in detections; `new` in indicators."""

    fetched: int = 0
    normalized: int = 0
    new: int = 0
    suppressed: int = 0

    @classmethod
    async def of(cls, fetcher: Store, normalizer: Store) -> Self:
        """Sum the books of both up."""
        fetched = FetchLedger(fetcher.container(FETCHED))
        handled = NormalizeLedger(normalizer.container(HANDLED))
        totals = [await handled.totals(source) for source in await handled.sources()]
        closed = {source: (await handled.closed.sum_of(source)).value for source in await handled.sources()}
        counted = {(source, chunk) for source, each in closed.items() for chunk in each.closing}
        unclosed = [
            count
            async for source in fetched.sources()
            async for chunk, count in fetched.scan(source)
            if (source, chunk) not in counted
        ]
        return cls(
            fetched=sum(unclosed) + sum(each.detections for each in closed.values()),
            normalized=sum(each.detections for each in totals),
            new=sum(each.indicators_new for each in totals),
            suppressed=sum(each.suppressed for each in totals),
        )
