"""`mimecast.ti.page.v1`: a chunk of a page, as Mimecast sent it."""

from dataclasses import dataclass
from typing import Any, ClassVar

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from mti.common.contracts.body import Contract, compress, digest
from mti.common.ports.bus import Outgoing
from mti.common.registry.model import FeedFormat
from mti.common.source_id import Feed


class Oversize(BaseModel):
    """What is left of a detection that can't travel: enough to find it again and to count it.

    It fits no message, or can't be read, or not be read again once it was written.
    """

    model_config = ConfigDict(frozen=True)

    size: int
    """Bytes of the record as JSON, or of its text as it came where it is none."""
    sha256: str
    """Of these bytes; as canonical JSON."""
    excerpt: str
    """Its first characters."""
    reason: str | None = Field(default=None, pattern=r"^[A-Z][A-Za-z]{1,63}$")
    """A CamelCase code; without one it is `DetectionTooLarge`."""
    fault: str | None = Field(default=None, max_length=1000)
    """What is wrong with it, in words that go on from "a detection: …"."""


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
    answered_at: AwareDatetime | None = None
    """When Mimecast sent the page, by its own clock; the bound of what a detection may say of its time. It is no part
    of what the chunk *is*: the same detections that are fetched again are the same chunk."""

    def written(self) -> "WrittenChunk":
        """Return both of its forms."""
        fields = self.model_dump(mode="json", exclude_none=True)
        body = _canonical(fields)
        return WrittenChunk(body, body if fields.pop("answered_at", None) is None else _canonical(fields))

    @property
    def detections(self) -> int:
        """How many detections it holds."""
        return len(self.records) + len(self.oversize)


@dataclass(frozen=True, slots=True)
class WrittenChunk:
    """A chunk as canonical JSON."""

    body: bytes
    """All of it."""
    identity: bytes
    """What tells it from every other one: all of it but when it was fetched."""


def page_message(chunk: PageChunk, *, epoch: int = 0, written: WrittenChunk | None = None) -> Outgoing:
    """Return the message of a chunk. Its identity is its content: source and bytes, never its place in the page.

    Args:
        chunk: what it carries.
        epoch: how often the source's checkpoint was reset: a re-fetch on purpose must pass duplicate detection.
        written: the chunk's forms, where they were made already.
    """
    forms = written or chunk.written()
    id = digest(PageChunk.TYPE, chunk.source, forms.identity)
    message_id = f"{id}~e{epoch}" if epoch else id
    return chunk.message(
        id=id, source=chunk.source, subject=chunk.source, message_id=message_id, body=compress(forms.body)
    )


def _canonical(fields: dict[str, Any]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
