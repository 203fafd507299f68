"""The records of the fetcher, which operators use too: what was fetched, and where each source stands.

All that operators may know of the fetcher is named here. None of it connects to anything: a store is handed in, and
neither an SDK nor an HTTP client is imported. A checkpoint is changed by its transitions alone.
"""

from mti.fetcher.records.checkpoint import SourceCheckpoint
from mti.fetcher.records.checkpoint_parts import Claim, TokenMemory, Window
from mti.fetcher.records.checkpoints import CONTAINER as CHECKPOINTS
from mti.fetcher.records.checkpoints import SourceCheckpoints, saved
from mti.fetcher.records.checkpoints import checkpoints_in as source_checkpoints
from mti.fetcher.records.ledger import CONTAINER as FETCHED
from mti.fetcher.records.ledger import Entry, Ledger

__all__ = [
    "CHECKPOINTS",
    "FETCHED",
    "Claim",
    "Entry",
    "Ledger",
    "SourceCheckpoint",
    "SourceCheckpoints",
    "TokenMemory",
    "Window",
    "saved",
    "source_checkpoints",
]
