"""The publisher's checkpoint: one a destination."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, field_serializer

from mti.common.checkpoints import Checkpoints
from mti.common.pauses import PauseState
from mti.common.ports.bus import Received
from mti.common.ports.store import Container

CHECKPOINTS: Final = "checkpoints"
"""The name of the container."""
KIND: Final = "destination"


class Offset(BaseModel):
    """The last message that was settled."""

    model_config = ConfigDict(frozen=True)

    sequence_number: int
    enqueued_at: AwareDatetime | None = None


class Counts(BaseModel):
    """Since ever. For people to read: a redelivery counts again. The books are in `published`."""

    model_config = ConfigDict(frozen=True)

    requests: int = 0
    throttled: int = 0
    """Requests that Sentinel's rate limit turned away."""
    accepted: int = 0
    """Objects."""
    refused: int = 0
    held: int = 0
    overtaken: int = 0
    covered: int = 0
    withdrawn: int = 0
    """Objects that came for what a person had withdrawn."""
    backed: int = 0
    """Revocations that were not needed."""

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in Counts.model_fields})


class ClockNote(BaseModel):
    """What the servers said of the publisher's clock when it last published here: that it is wrong."""

    model_config = ConfigDict(frozen=True)

    ahead: timedelta
    """By how much it was ahead of theirs at least; below zero it was behind."""
    at: AwareDatetime
    """When, by theirs."""


class DestinationCheckpoint(BaseModel):
    """What the publisher remembers of a destination."""

    model_config = ConfigDict(frozen=True)

    offset: Offset | None = None
    counts: Counts = Counts()
    pause: PauseState | None = None
    sources: frozenset[str] = frozenset()
    """Every source that ever gave it anything: where to look for what one of them brought."""
    tried: int = 0
    """The highest sequence number of a message that anything was uploaded of, or may have been."""
    begun_by: str | None = None
    """The process that began a batch and has not said that it ended: its requests may still arrive."""
    clock: ClockNote | None = None
    """`None` while the publisher's clock is right."""

    def begun(self, sources: Iterable[str], tried: int, by: str) -> "DestinationCheckpoint":
        """Return it before anything of a batch is uploaded.

        Args:
            sources: of the batch.
            tried: the highest sequence number in it.
            by: the process.
        """
        changes = {"sources": self.sources.union(sources), "tried": max(tried, self.tried), "begun_by": by}
        return self.model_copy(update=changes)

    def given_up(self, by: str) -> "DestinationCheckpoint":
        """Return it after a batch that failed, when all requests of that process have ended."""
        return self.model_copy(update={"begun_by": None}) if self.begun_by == by else self

    def moved(
        self,
        settled: Iterable[Received],
        counts: Counts,
        pause: PauseState | None,
        sources: Iterable[str] = (),
        clock: ClockNote | None = None,
        by: str | None = None,
    ) -> "DestinationCheckpoint":
        """Return it after a batch of those sources, which ended in the process `by`."""
        offsets = [Offset(sequence_number=each.sequence_number, enqueued_at=each.enqueued_at) for each in settled]
        known = [*offsets, *([self.offset] if self.offset else [])]
        return DestinationCheckpoint(
            offset=max(known, key=lambda offset: offset.sequence_number, default=None),
            counts=self.counts + counts,
            pause=pause,
            sources=self.sources.union(sources),
            tried=self.tried,
            begun_by=None if self.begun_by == by else self.begun_by,
            clock=clock,
        )

    @field_serializer("sources")
    def _in_order(self, sources: frozenset[str]) -> list[str]:
        return sorted(sources)


DestinationCheckpoints = Checkpoints[DestinationCheckpoint]


def destination_checkpoints(container: Container) -> DestinationCheckpoints:
    """Return the checkpoints, by destination id.

    Args:
        container: the store's container `checkpoints`.
    """
    return Checkpoints(container, KIND, DestinationCheckpoint)
