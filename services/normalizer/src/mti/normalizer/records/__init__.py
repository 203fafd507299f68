"""The records of the normalizer, which operators use too: what is known and handled, and how far each source is.

All that operators may know of the normalizer is named here, and in `mti.normalizer.indicators`, which builds of it what
is sent. None of it connects to anything: a store is handed in.
"""

from mti.normalizer.records.books import PURGED, ChunkBooks, ClosedSum, IndicatorCounts, Totals
from mti.normalizer.records.checkpoint import CONTAINER as CHECKPOINTS
from mti.normalizer.records.checkpoint import KIND as OFFSETS
from mti.normalizer.records.checkpoint import WRITE_SECONDS as OFFSET_SECONDS
from mti.normalizer.records.checkpoint import Offset, Offsets
from mti.normalizer.records.closed_books import ClosedBooks
from mti.normalizer.records.emissions import Emission, Emissions, RefreshRule, later_of, least_of, rule_of
from mti.normalizer.records.known import CONTAINER as KNOWN
from mti.normalizer.records.known import (
    KnownIndicators,
    document_of,
    key_of,
    partition_of,
    shard_of,
    shards_of,
)
from mti.normalizer.records.known_indicator import (
    REFRESHES_KEPT,
    SHORTEST_VALIDITY,
    KnownIndicator,
    Verdict,
)
from mti.normalizer.records.ledger import CONTAINER as HANDLED
from mti.normalizer.records.ledger import Ledger
from mti.normalizer.records.withdrawals import EVERYONE, UNTOUCHED, Standing, Withdrawal, Withdrawals

__all__ = [
    "CHECKPOINTS",
    "EVERYONE",
    "HANDLED",
    "KNOWN",
    "OFFSETS",
    "OFFSET_SECONDS",
    "PURGED",
    "REFRESHES_KEPT",
    "SHORTEST_VALIDITY",
    "UNTOUCHED",
    "ChunkBooks",
    "ClosedBooks",
    "ClosedSum",
    "Emission",
    "Emissions",
    "IndicatorCounts",
    "KnownIndicator",
    "KnownIndicators",
    "Ledger",
    "Offset",
    "Offsets",
    "RefreshRule",
    "Standing",
    "Totals",
    "Verdict",
    "Withdrawal",
    "Withdrawals",
    "document_of",
    "key_of",
    "later_of",
    "least_of",
    "partition_of",
    "rule_of",
    "shard_of",
    "shards_of",
]
