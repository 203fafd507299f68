"""Cuts a page into chunks that fit a message of Service Bus Standard: 256 KB, body and all properties together
(https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas).

A detection is never cut. One that can't travel leaves an `Oversize` record in its place, which is counted and
dead-lettered by name; it neither blocks its page nor goes unmentioned. Such are those that are too large alone, and
those that would not come out of a message as they went in: who receives it could read none of its neighbours either.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson
from pydantic import JsonValue

from mti.common.contracts.body import UNPACKED_LIMIT
from mti.common.contracts.canonical import written
from mti.common.contracts.page import Oversize, PageChunk, WrittenChunk, page_message
from mti.common.feeds import Feed, FeedFormat
from mti.common.halving import Halving
from mti.common.ports.bus import Outgoing

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
    """Yield the chunks of a page with their messages, every record in exactly one, in the page's order.

    What was `unsent` follows the records, each in a chunk of its own.
    """

    def chunk_of(part: Sequence[list[JsonValue]]) -> PageChunk:
        return PageChunk(
            source=source,
            feed=feed,
            region=region,
            format=format,
            header=list(header),
            records=list(part),
            answered_at=answered_at,
        )

    def left_of(data: bytes, reason: str | None = None, fault: str | None = None) -> tuple[PageChunk, Outgoing]:
        rest = Oversize(
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            excerpt=data[: EXCERPT * 4].decode(errors="replace")[:EXCERPT],
            reason=reason,
            fault=None if fault is None else fault[:FAULT_LIMIT],
        )
        chunk = PageChunk(
            source=source, feed=feed, region=region, format=format, oversize=[rest], answered_at=answered_at
        )
        return chunk, page_message(chunk, epoch=epoch)

    waiting = Halving.of(records, records_limit)
    while (part := waiting.take()) is not None:
        travels = _that_travels(chunk_of, part)
        if travels is not None and (message := _fitting(*travels, epoch=epoch, limit=limit)) is not None:
            yield travels[0], message
        elif len(part) > 1 and (apart := [] if travels else _apart(part, chunk_of)):
            waiting.put_back(apart)
        elif len(part) > 1:
            waiting.halve(part)
        elif travels is not None:
            yield left_of(orjson.dumps(part[0], option=orjson.OPT_SORT_KEYS))
        else:
            yield left_of(written(part[0]), UNREADABLE, "it would not come out of a message as it went in")
    for each in unsent:
        yield left_of(each.text, each.reason, each.fault)


def _that_travels(
    chunk_of: Callable[[Sequence[list[JsonValue]]], PageChunk], part: Sequence[list[JsonValue]]
) -> tuple[PageChunk, WrittenChunk] | None:
    """Return the chunk of the records and its forms; `None` if it would not be read as it was sent.

    What parsers take, write and take again differs: nesting, numbers beyond all bounds, halves of characters.
    """
    try:
        chunk = chunk_of(part)
        written_chunk = chunk.written()
        return (chunk, written_chunk) if PageChunk.model_validate_json(written_chunk.body) == chunk else None
    except (ValueError, TypeError, RecursionError):
        return None


def _fitting(chunk: PageChunk, written_chunk: WrittenChunk, *, epoch: int, limit: int) -> Outgoing | None:
    if len(written_chunk.body) > UNPACKED_LIMIT:
        return None
    message = page_message(chunk, epoch=epoch, written=written_chunk)
    return message if fits(message, limit) else None


def _apart(
    part: Sequence[list[JsonValue]], chunk_of: Callable[[Sequence[list[JsonValue]]], PageChunk]
) -> list[Sequence[list[JsonValue]]]:
    """Return the sound records together and each odd one alone; nothing where no record is odd by itself."""
    odd = {place for place, record in enumerate(part) if _that_travels(chunk_of, [record]) is None}
    if not odd:
        return []
    sounds = [record for place, record in enumerate(part) if place not in odd]
    alone: list[Sequence[list[JsonValue]]] = [[part[place]] for place in sorted(odd)]
    return [sounds, *alone] if sounds else alone
