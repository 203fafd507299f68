"""Reads a chunk of a page at the speed of its bytes where its records are in the plain form, as nearly all are."""

import re
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from mti.common.contracts.body import decode, unpacked
from mti.common.contracts.envelope import Envelope
from mti.common.contracts.page import PageChunk
from mti.common.contracts.plain import UNREAD, PlainRecord, PlainRecords
from mti.common.feeds import Feed, FeedFormat
from mti.common.ports.bus import Received

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)
"""As pages are dated."""


class _PlainChunk(Struct):
    """A `PageChunk` whose records are plain, and of which nothing was left out."""

    source: str
    feed: Feed
    region: str
    format: FeedFormat
    records: list[PlainRecord]
    header: list[str] = []
    oversize: list[None] = []
    answered_at: str | None = None


_DECODER: Final = msgspec.json.Decoder(_PlainChunk)


def decode_page(message: Received) -> tuple[Envelope, PageChunk, PlainRecords | None]:
    """Read a message as a chunk of a page, like `decode`.

    Returns its envelope, the chunk, and its records where these are plain: then the chunk has none itself.

    Raises:
        UnsupportedSchema, Poison: see `decode`.
    """
    envelope, data = unpacked(message, PageChunk)
    plain = None if data is None else _read(data)
    if plain is None:
        return *decode(message, PageChunk), None
    chunk, records = plain
    return envelope, chunk, PlainRecords(records)


def _read(data: bytes) -> tuple[PageChunk, list[PlainRecord]] | None:
    try:
        read = _DECODER.decode(data)
    except UNREAD:
        return None
    moment = read.answered_at
    if read.oversize or (moment is not None and _MOMENT.fullmatch(moment) is None):
        return None
    try:
        answered_at = None if moment is None else datetime.fromisoformat(moment)
    except ValueError:
        return None
    fields: dict[str, Any] = {"source": read.source, "feed": read.feed, "region": read.region, "format": read.format}
    return PageChunk(**fields, header=read.header, answered_at=answered_at), read.records
