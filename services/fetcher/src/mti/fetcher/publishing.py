"""Publishes a page: cut into chunks, sent, confirmed, entered into the ledger."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from mti.common.contracts import PageChunk
from mti.common.contracts.chunks import Cutter, JsonForm, Piece, PlainForm, TextForm, Unsent
from mti.common.contracts.envelope import PREFIX
from mti.common.contracts.plain import PlainRecords
from mti.common.feeds import FeedFormat
from mti.common.ports.bus import Sender
from mti.common.ports.clock import Clock
from mti.common.registry.model import Source
from mti.common.telemetry import active
from mti.fetcher.mimecast.model import FeedFile, FeedPage
from mti.fetcher.records.ledger import Ledger

GROUP: Final = 8
"""Chunks that are in memory at once, sent and entered together: 2 MB at most."""


class ChunkPublisher:
    """Sends the chunks of pages to the topic `raw-pages`.

    Args:
        sender: to the topic.
        ledger: every chunk that was confirmed is entered into it.
        clock: the time.
    """

    def __init__(self, sender: Sender, ledger: Ledger, clock: Clock) -> None:
        self._sender = sender
        self._ledger = ledger
        self._clock = clock

    async def publish(self, page: FeedPage, source: Source, epoch: int) -> int:
        """Publish every record of the page, and what can't be read of it, and return the number of chunks.

        When it raises, some chunks may be out already: the caller publishes the page again, and their ids make that
        harmless.

        Raises:
            BusUnavailable: the broker did not confirm.
            StoreUnavailable: the ledger could not be written.
        """
        chunks = pieces_of(page, source, epoch)
        count = 0
        while group := list(islice(chunks, GROUP)):
            await self._sender.send([piece.message for piece in group])
            detections = _detections(group)
            await self._ledger.enter(source.id, detections, self._clock.now())
            active().instruments.fetched(source.id, sum(detections.values()))
            count += len(group)
        return count


def pieces_of(page: FeedPage, source: Source, epoch: int) -> Iterator[Piece[Any]]:
    """Yield the page in pieces that fit a message each, in its order."""
    for file in page.files:
        head = PageChunk(
            source=source.id,
            feed=source.feed,
            region=source.region,
            format=file.format,
            header=list(file.header),
            answered_at=page.answered_at,
        )
        unsent = [Unsent(part.reason, part.fault, part.text) for part in file.aside]
        yield from _cut(Cutter(head=head, epoch=epoch), file, unsent)


def _cut(cutter: Cutter, file: FeedFile, unsent: Sequence[Unsent]) -> Iterator[Piece[Any]]:
    if isinstance(file.records, PlainRecords):
        return cutter.cut(file.records, PlainForm(), unsent)
    return cutter.cut(file.records, TextForm() if file.format is FeedFormat.CSV else JsonForm(), unsent)


def _detections(group: Sequence[Piece[Any]]) -> dict[str, int]:
    """Return the detections by chunk. Chunks of the same content are one, to the bus as to the books."""
    return {str(piece.message.properties[f"{PREFIX}id"]): piece.detections for piece in group}
