"""What is counted: the books of one chunk, of one source, and of what was closed of it. Pure.

Detections that were rejected and dead-lettered may be replayed after an upgrade, in a chunk of their own. They came in
once, so their books *move* them: out of the reason that the first chunk's books count them under (`corrects`), into
what became of them now. Where the first chunk's books don't count them as rejected, since it was itself handled again
by a newer release, there is nothing to move, and the books count in no sum of detections.

A person may purge a chunk that could not be handled, or send a mended one in its place; the command writes the books
then. A *purged* chunk counts as rejected, and is handled like a new one should it ever come again: what was handled
takes the place of what was purged. A *replaced* chunk is dealt with for good, and is counted through the one that
replaces it; its own books count only the difference, so that what came in and what a person added stay apart.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field

PURGED: Final = "Purged"
"""The reason under which detections are counted that a person dropped."""


class IndicatorCounts(BaseModel):
    """Indicators, over all scopes."""

    model_config = ConfigDict(frozen=True)

    new: int = 0
    refreshed: int = 0


class ChunkBooks(BaseModel):
    """What became of the detections of one chunk: `detections` is the sum of the four others."""

    model_config = ConfigDict(frozen=True)

    detections: int
    new: int = 0
    refreshed: int = 0
    suppressed: int = 0
    rejected: dict[str, int] = Field(default_factory=dict)
    """By reason."""
    indicators: IndicatorCounts = IndicatorCounts()
    replayed_from_rejected: bool = False
    """These detections came in with another chunk, and were rejected there."""
    corrects: dict[str, int] = Field(default_factory=dict)
    """What is to be taken off the rejected of that chunk."""
    purged: bool = False
    """A person purged the chunk before it was handled; should it come again, it is handled."""
    replaced_by: str | None = None
    """The CloudEvents id of the mended chunk that a person sent in its place."""
    replacement: int = 0
    """Detections that are counted through that one."""
    added: int = 0
    """Of the detections, those that a person added."""
    ahead: int = 0
    """Of the detections, those that were dated later than their page and were given its time."""

    @property
    def handled(self) -> bool:
        """Whether there is nothing left to do should the chunk come again."""
        return not self.purged

    @property
    def final(self) -> bool:
        """Whether nothing will change these books: no person purged or replaced the chunk."""
        return self.handled and self.replaced_by is None

    @classmethod
    def of_purged(cls, detections: int) -> Self:
        """Return the books of a chunk that a person purged."""
        return cls(detections=detections, rejected=_rejected(detections), purged=True)

    @classmethod
    def of_replaced(cls, detections: int, replaced_by: str, replacement: int) -> Self:
        """Return the books of a chunk that a person mended: only what differs is counted here.

        Args:
            detections: what it held.
            replaced_by: the mended chunk's CloudEvents id.
            replacement: what the mended one holds.
        """
        dropped = max(0, detections - replacement)
        return cls(
            detections=dropped,
            rejected=_rejected(dropped),
            replaced_by=replaced_by,
            replacement=replacement,
            added=max(0, replacement - detections),
        )


class ClosedSum(BaseModel):
    """What the closed chunks of a source add up to; see `Totals`."""

    model_config = ConfigDict(frozen=True)

    chunks: int = 0
    detections: int = 0
    new: int = 0
    refreshed: int = 0
    suppressed: int = 0
    rejected: dict[str, int] = Field(default_factory=dict)
    ahead: int = 0
    added: int = 0
    indicators_new: int = 0
    indicators_refreshed: int = 0
    closing: tuple[str, ...] = ()
    """Chunks that are counted here and may still stand among the open ones."""


@dataclass(slots=True)
class Totals:
    """One source, summed up."""

    chunks: int = 0
    """As they came from the fetcher; replayed rejections are not among them."""
    detections: int = 0
    new: int = 0
    refreshed: int = 0
    suppressed: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    added: int = 0
    """Of the detections, those that a person added when mending chunks."""
    ahead: int = 0
    """Of the detections, those that were dated later than their page and were given its time."""
    indicators_new: int = 0
    indicators_refreshed: int = 0

    @property
    def closed(self) -> bool:
        """Whether every detection that was handled is accounted for."""
        return self.detections == self.new + self.refreshed + self.suppressed + self.rejected.total()

    def add(self, books: ChunkBooks) -> None:
        """Add a chunk."""
        self.indicators_new += books.indicators.new
        self.indicators_refreshed += books.indicators.refreshed
        if books.replayed_from_rejected and not books.corrects:
            return
        self.added += books.added
        if books.replayed_from_rejected:
            more = books.detections - sum(books.corrects.values())
            self.detections += more
            self.added += more
        else:
            self.chunks += books.replaced_by is None
            self.detections += books.detections
        self.ahead += books.ahead
        self.new += books.new
        self.refreshed += books.refreshed
        self.suppressed += books.suppressed
        self.rejected.update(books.rejected)
        self.rejected.subtract(books.corrects)

    def carry(self, closed: ClosedSum) -> None:
        """Add what was closed before."""
        self.chunks += closed.chunks
        self.detections += closed.detections
        self.new += closed.new
        self.refreshed += closed.refreshed
        self.suppressed += closed.suppressed
        self.rejected.update(closed.rejected)
        self.ahead += closed.ahead
        self.added += closed.added
        self.indicators_new += closed.indicators_new
        self.indicators_refreshed += closed.indicators_refreshed

    def closed_sum(self, closing: Iterable[str]) -> ClosedSum:
        """Return these as a sum to be kept.

        Args:
            closing: the chunks among them that may still stand among the open ones.
        """
        counts = {name: getattr(self, name) for name in ClosedSum.model_fields if name not in ("rejected", "closing")}
        return ClosedSum(**counts, rejected=dict(sorted(self.rejected.items())), closing=tuple(closing))


def _rejected(count: int) -> dict[str, int]:
    return {PURGED: count} if count else {}
