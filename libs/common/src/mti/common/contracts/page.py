"""`mimecast.ti.page.v1`: a chunk of a page, as Mimecast sent it."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from mti.common.contracts.body import Contract, digest
from mti.common.ports.bus import Outgoing
from mti.common.registry.model import Feed, FeedFormat


class Oversize(BaseModel):
    """What is left of a detection that no message can hold: enough to find it again and to count it."""

    model_config = ConfigDict(frozen=True)

    size: int
    """Bytes of the record as JSON."""
    sha256: str
    """Of the record as canonical JSON."""
    excerpt: str
    """Its first characters."""


class PageChunk(Contract):
    """Whole detections of one page.

    A record is one detection: for STIX the list of its objects (indicator, malware, relationship), for CSV the list
    of its cells, whose names are in `header`. Nothing in it was changed, checked or dropped.
    """

    TYPE: ClassVar[str] = "mimecast.ti.page.v1"

    source: str
    feed: Feed
    region: str
    format: FeedFormat
    header: list[str] = Field(default_factory=list)
    records: list[list[JsonValue]] = Field(default_factory=list)
    oversize: list[Oversize] = Field(default_factory=list)

    @property
    def detections(self) -> int:
        """How many detections it holds."""
        return len(self.records) + len(self.oversize)


def page_message(chunk: PageChunk, *, epoch: int = 0) -> Outgoing:
    """Return the message of a chunk. Its identity is its content: source and bytes, never its place in the page.

    Args:
        chunk: what it carries.
        epoch: how often the source's checkpoint was reset: a re-fetch on purpose must pass duplicate detection.
    """
    id = digest(PageChunk.TYPE, chunk.source, chunk.canonical())
    return chunk.message(id=id, source=chunk.source, subject=chunk.source, message_id=f"{id}~e{epoch}" if epoch else id)
