"""Backfills: a workspace is given all that its sources have made and that is still valid."""

from mti.operations.backfill.backfill import CONTAINER, KIND, SHARE, Backfill, BackfillTaken, run_name
from mti.operations.backfill.model import BackfillResult, Progress, Selection

__all__ = [
    "CONTAINER",
    "KIND",
    "SHARE",
    "Backfill",
    "BackfillResult",
    "BackfillTaken",
    "Progress",
    "Selection",
    "run_name",
]
