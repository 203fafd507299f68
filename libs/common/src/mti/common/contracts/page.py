"""`mimecast.ti.page.v1`: a chunk of a page, as Mimecast sent it."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from mti.common.contracts.body import Contract, compress, digest_of_framed, framed
from mti.common.feeds import Feed, FeedFormat
from mti.common.ports.bus import Outgoing

_CANONICAL: Final = orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z
_NO_RECORDS: Final = b'"records":[]'


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
        """Return it as canonical JSON, with what tells it from others."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields}
        # The records are JSON as they are: a dump of the model would copy them, which costs ten times as much.
        fields["oversize"] = [each.model_dump(mode="json", exclude_none=True) for each in self.oversize]
        if self.answered_at is None:
            del fields["answered_at"]
            return WrittenChunk(orjson.dumps(fields, option=_CANONICAL), 1)
        # Keys are written in their order, and this one is the first of all.
        first = b'{"answered_at":' + orjson.dumps(self.answered_at, option=_CANONICAL) + b","
        return WrittenChunk(orjson.dumps(fields, option=_CANONICAL), len(first))

    def written_with(self, records: bytes) -> "WrittenChunk":
        """Return it as `written` would with these records, which are a list in canonical JSON; it has none itself."""
        without = self.written()
        # In a text there would be a backslash before each of the quotes.
        before, name, after = without.body.partition(_NO_RECORDS)
        return WrittenChunk(b"".join((before, name[:-2], records, after)), without.start)

    @property
    def detections(self) -> int:
        """How many detections it holds."""
        return len(self.records) + len(self.oversize)


@dataclass(frozen=True, slots=True)
class WrittenChunk:
    """A chunk as canonical JSON."""

    body: bytes
    """All of it."""
    start: int
    """Where in it that begins which tells it from every other one: all of it but when it was fetched."""

    @property
    def identity(self) -> bytes:
        """What tells it from every other one, as JSON of its own."""
        return b"{" + self.body[self.start :]

    def id(self, source: str) -> str:
        """Return the digest of contract, source and identity, for which nothing is copied."""
        size = (1 + len(self.body) - self.start).to_bytes(8, "big")
        return digest_of_framed(framed(PageChunk.TYPE, source), size, b"{", memoryview(self.body)[self.start :])


def page_message(chunk: PageChunk, *, epoch: int = 0, written: WrittenChunk | None = None) -> Outgoing:
    """Return the message of a chunk. Its identity is its content: source and bytes, never its place in the page.

    Args:
        chunk: what it carries.
        epoch: how often the source's checkpoint was reset: a re-fetch on purpose must pass duplicate detection.
        written: the chunk's forms, where they were made already.
    """
    forms = written or chunk.written()
    id = forms.id(chunk.source)
    message_id = f"{id}~e{epoch}" if epoch else id
    return chunk.message(
        id=id, source=chunk.source, subject=chunk.source, message_id=message_id, body=compress(forms.body)
    )
