"""Cuts a page into chunks that fit a message of Service Bus Standard: 256 KB, body and all properties together
(https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas).

A detection is never cut. One that alone is too large leaves an `Oversize` record in its place, which is counted and
dead-lettered by name; it neither blocks its page nor goes unmentioned.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

import orjson
from pydantic import JsonValue

from mti.common.contracts.page import Oversize, PageChunk, page_message
from mti.common.ports.bus import Outgoing
from mti.common.registry.model import Feed, FeedFormat

MESSAGE_LIMIT: Final = 256 * 1024
HEADROOM: Final = 12 * 1024
"""Kept free for what the broker, a trace, a retry or a dead-letter reason adds to the properties."""
RECORDS_LIMIT: Final = 400
"""Detections a chunk: enough that settling it costs little, few enough that it is handled well within a lock."""
EXCERPT: Final = 2048


def message_size(message: Outgoing) -> int:
    """Return what a message needs on the wire, rounded up: body, properties and the framing of each."""
    fields = (message.message_id, message.to, message.subject or "", message.session_id or "", message.content_type)
    properties = sum(len(key.encode()) + len(str(value).encode()) + 16 for key, value in message.properties.items())
    return len(message.body) + properties + sum(len(text.encode()) + 8 for text in fields) + 256


def fits(message: Outgoing, limit: int = MESSAGE_LIMIT) -> bool:
    """Say whether a message fits an entity of that limit, with the headroom kept."""
    return message_size(message) <= limit - HEADROOM


def cut(
    records: Sequence[list[JsonValue]],
    *,
    source: str,
    feed: Feed,
    region: str,
    format: FeedFormat,  # noqa: A002  the contract's own name for it
    header: Sequence[str] = (),
    epoch: int = 0,
    limit: int = MESSAGE_LIMIT,
    records_limit: int = RECORDS_LIMIT,
) -> Iterator[tuple[PageChunk, Outgoing]]:
    """Yield the chunks of a page with their messages, every record in exactly one, in the page's order."""

    def chunk_of(part: Sequence[list[JsonValue]]) -> tuple[PageChunk, Outgoing]:
        chunk = PageChunk(
            source=source, feed=feed, region=region, format=format, header=list(header), records=list(part)
        )
        return chunk, page_message(chunk, epoch=epoch)

    def oversize_of(record: list[JsonValue]) -> tuple[PageChunk, Outgoing]:
        data = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
        rest = Oversize(
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            excerpt=data.decode(errors="replace")[:EXCERPT],
        )
        chunk = PageChunk(source=source, feed=feed, region=region, format=format, oversize=[rest])
        return chunk, page_message(chunk, epoch=epoch)

    waiting = [records[start : start + records_limit] for start in range(0, len(records), records_limit)][::-1]
    while waiting:
        part = waiting.pop()
        chunk, message = chunk_of(part)
        if fits(message, limit):
            yield chunk, message
        elif len(part) == 1:
            yield oversize_of(part[0])
        else:
            middle = len(part) // 2
            waiting += [part[middle:], part[:middle]]
