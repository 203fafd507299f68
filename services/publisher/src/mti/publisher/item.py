"""One object on its way: what it is, where it came from and which message holds it."""

from dataclasses import dataclass
from datetime import timedelta

from mti.common.contracts import Indicator
from mti.common.registry import Feed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """One object of one message. Two items are the same only when they are the same object of the same message."""

    object: Indicator
    source: str
    """The source's id."""
    feed: Feed
    """The feed of that source."""
    extension: timedelta
    """By how much it must extend the validity to be worth another row when another source gave the id already."""
    message: int
    """The place of its message in the batch."""
    rebuilt: str | None = None
    """The run of a backfill, when its workspace was built anew and is to be given it once more."""
    trace: str | None = None
    """The `traceparent` of its message."""
