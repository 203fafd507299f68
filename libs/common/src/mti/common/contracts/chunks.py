"""Cuts a page into chunks that fit a message of Service Bus Standard: 256 KB, body and all properties together
(https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas).

A detection is never cut. One that can't travel leaves an `Oversize` record in its place, which is counted and
dead-lettered by name; it neither blocks its page nor goes unmentioned. Such are those that are too large alone, and
those that would not come out of a message as they went in: who receives it could read none of its neighbours either.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, NamedTuple, TypeVar

from pydantic import JsonValue

from mti.common.contracts.body import UNPACKED_LIMIT
from mti.common.contracts.page import Oversize, PageChunk, WrittenChunk, page_message
from mti.common.contracts.travelling import JsonForm, PlainForm, RecordForm, TextForm
from mti.common.feeds import Feed, FeedFormat
from mti.common.halving import Halving
from mti.common.ports.bus import Outgoing

R = TypeVar("R")

MESSAGE_LIMIT: Final = 256 * 1024
HEADROOM: Final = 12 * 1024
"""Kept free for what the broker, a trace, a retry or a dead-letter reason adds to the properties."""
RECORDS_LIMIT: Final = 400
"""Detections a chunk: enough that settling it costs little, few enough that it is handled well within a lock."""
EXCERPT: Final = 2048
FAULT_LIMIT: Final = 1000
UNREADABLE: Final = "UnreadableDetection"


def message_size(message: Outgoing) -> int:
    """Return what a message needs on the wire, rounded up: body, properties and the framing of each."""
    fields = (message.message_id, message.to, message.subject or "", message.session_id or "", message.content_type)
    properties = sum(len(key.encode()) + len(str(value).encode()) + 16 for key, value in message.properties.items())
    return len(message.body) + properties + sum(len(text.encode()) + 8 for text in fields) + 256


def fits(message: Outgoing, limit: int = MESSAGE_LIMIT) -> bool:
    """Say whether a message fits an entity of that limit, with the headroom kept."""
    return message_size(message) <= limit - HEADROOM


@dataclass(frozen=True, slots=True)
class Unsent:
    """A part of a page that its reader could make nothing of."""

    reason: str
    """See `Oversize.reason`."""
    fault: str
    text: bytes
    """As it came."""


class Piece(NamedTuple, Generic[R]):
    """A part of a page in its message: some of its records, or what is left of one."""

    records: Sequence[R]
    oversize: Oversize | None
    message: Outgoing

    @property
    def detections(self) -> int:
        """How many it holds."""
        return len(self.records) if self.oversize is None else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutter:
    """Cuts the records of one file of a page.

    Args:
        head: a chunk without records: what all of its chunks have in common.
        epoch: how often the source's checkpoint was reset.
        limit: bytes of a message.
        records_limit: records of a chunk.
    """

    head: PageChunk
    epoch: int = 0
    limit: int = MESSAGE_LIMIT
    records_limit: int = RECORDS_LIMIT

    def cut(self, records: Sequence[R], form: RecordForm[R], unsent: Sequence[Unsent] = ()) -> Iterator[Piece[R]]:
        """Yield the pieces, every record in exactly one, in the page's order.

        What was `unsent` follows the records, each in a piece of its own.
        """
        waiting = Halving.of(records, self.records_limit)
        while (part := waiting.take()) is not None:
            written = form.written(part)
            if written is not None and (message := self._fitting(written)) is not None:
                yield Piece(part, None, message)
            elif len(part) > 1 and (apart := [] if written else _apart(part, form)):
                waiting.put_back(apart)
            elif len(part) > 1:
                waiting.halve(part)
            elif written is not None:
                yield self._left_of(written[1:-1])
            else:
                fault = "it would not come out of a message as it went in"
                yield self._left_of(form.in_any_case(part[0]), UNREADABLE, fault)
        for each in unsent:
            yield self._left_of(each.text, each.reason, each.fault)

    def _fitting(self, records: bytes) -> Outgoing | None:
        written = self.head.written_with(records)
        if len(written.body) > UNPACKED_LIMIT:
            return None
        message = self._message(written)
        return message if fits(message, self.limit) else None

    def _left_of(self, data: bytes, reason: str | None = None, fault: str | None = None) -> Piece[R]:
        rest = Oversize(
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            excerpt=data[: EXCERPT * 4].decode(errors="replace")[:EXCERPT],
            reason=reason,
            fault=None if fault is None else fault[:FAULT_LIMIT],
        )
        chunk = self.head.model_copy(update={"header": [], "oversize": [rest]})
        return Piece((), rest, self._message(chunk.written()))

    def _message(self, written: WrittenChunk) -> Outgoing:
        return page_message(self.head, epoch=self.epoch, written=written)


def cut(
    records: Sequence[list[JsonValue]],
    *,
    source: str,
    feed: Feed,
    region: str,
    format: FeedFormat,  # noqa: A002  the contract's own name for it
    header: Sequence[str] = (),
    unsent: Sequence[Unsent] = (),
    answered_at: datetime | None = None,
    epoch: int = 0,
    limit: int = MESSAGE_LIMIT,
    records_limit: int = RECORDS_LIMIT,
) -> Iterator[tuple[PageChunk, Outgoing]]:
    """Yield the chunks of a page of any JSON with their messages: see `Cutter.cut`."""
    head = PageChunk(
        source=source, feed=feed, region=region, format=format, header=list(header), answered_at=answered_at
    )
    cutter = Cutter(head=head, epoch=epoch, limit=limit, records_limit=records_limit)
    for piece in cutter.cut(records, JsonForm(), unsent):
        held = (
            {"records": list(piece.records)} if piece.oversize is None else {"header": [], "oversize": [piece.oversize]}
        )
        yield head.model_copy(update=held), piece.message


def _apart(part: Sequence[R], form: RecordForm[R]) -> list[Sequence[R]]:
    """Return the sound records together and each odd one alone; nothing where no record is odd by itself."""
    odd = {place for place, record in enumerate(part) if form.written([record]) is None}
    if not odd:
        return []
    sounds = [record for place, record in enumerate(part) if place not in odd]
    alone: list[Sequence[R]] = [[part[place]] for place in sorted(odd)]
    return [sounds, *alone] if sounds else alone


__all__ = [
    "HEADROOM", "MESSAGE_LIMIT", "RECORDS_LIMIT", "UNREADABLE", "Cutter", "JsonForm", "Piece", "PlainForm", "TextForm",
    "Unsent", "cut", "fits", "message_size",
]  # fmt: skip
