"""What a detection is read as: a sighting where it can be used, else a rejection."""

from dataclasses import dataclass, field
from datetime import datetime

from msgspec import Struct
from pydantic import JsonValue

from mti.common.contracts import Oversize
from mti.normalizer.observables import Observable


class Sighting(Struct, frozen=True, gc=False):
    """A detection that could be read. No recipient is in it: an address is personal, and no indicator needs it."""

    observables: tuple[Observable, ...]
    """At least one, all distinct."""
    time: datetime
    """In UTC, whole milliseconds."""
    name: str | None = None
    """A file name, or a text like a subject."""
    size: int | None = None
    """Bytes."""
    mime_type: str | None = None
    sender_ip: str | None = None
    labels: tuple[str, ...] = ()
    """Mimecast's own for the malware."""
    mimecast_id: str | None = None
    """Mimecast's id of the detection."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A detection that can't be used, with all that was sent of it."""

    reason: str
    fault: str
    record: list[JsonValue] | None = None
    oversize: Oversize | None = None
    """Set instead of the record where no message could hold it."""


@dataclass(slots=True)
class Parsed:
    """The detections of a chunk."""

    sightings: list[Sighting] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    ahead: int = 0
    """Sightings that claimed a time after their page was sent, and were given that time."""

    @property
    def detections(self) -> int:
        """How many there are."""
        return len(self.sightings) + len(self.rejections)
