"""Handles chunks: parse, group, decide, emit what is new or due, record it, then write the books.

In this order a crash between two steps repeats what went before. That is harmless: ids and bytes are the same, and what
was recorded says by which chunk, so that the second try counts as the first one did.
"""

import logging
from collections.abc import Sequence
from typing import Final

from mti.common.contracts import refusal_of
from mti.common.contracts.envelope import PARKS, REJECTED_AS, REJECTED_FROM, REPLACES, REPLAYS, RETRIES
from mti.common.contracts.page_reading import decode_page
from mti.common.errors import Poison
from mti.common.hosting import outcome_of
from mti.common.ports.bus import Received, Sender
from mti.common.ports.settlement import Complete, Outcome
from mti.common.registry import RegistryProvider, Source
from mti.normalizer.emitting import Emitter
from mti.normalizer.parsing import parse
from mti.normalizer.records import ChunkBooks, Ledger, Offsets
from mti.normalizer.rejections import parts_of
from mti.normalizer.routing import Routing, Scopes, check_source
from mti.normalizer.tally import books_of, measure

log = logging.getLogger(__name__)

_COPIES: Final = (RETRIES, PARKS, REPLAYS, REPLACES, REJECTED_FROM)
"""Properties of a message that was sent in the place of another."""
_BEGUN_KEPT: Final = 1000
"""Chunks that are remembered as begun in this process: more than can be handed out again without saying so."""


class NormalizeHandler:
    """Makes indicators of chunks, one message after another.

    Args:
        registry: the tenants.
        emitter: sends indicators, and knows what was sent.
        ledger: the books.
        offsets: how far each source has come.
        pages: to the topic that chunks come through, for what is to be dead-lettered of one.
        to: the subscription of this service in that topic.
    """

    def __init__(
        self,
        registry: RegistryProvider,
        emitter: Emitter,
        ledger: Ledger,
        offsets: Offsets,
        *,
        pages: Sender,
        to: str,
    ) -> None:
        self._registry = registry
        self._emitter = emitter
        self._ledger = ledger
        self._offsets = offsets
        self._pages = pages
        self._to = to
        self._begun: dict[str, None] = {}
        self._routing = Routing()

    async def __call__(self, messages: Sequence[Received]) -> list[Outcome]:
        """Handle the messages and return one outcome each.

        Raises:
            Unavailable: the bus or the store does not answer. What was done stays done, and is not counted twice.
        """
        return [await self._outcome(message) for message in messages]

    async def close(self) -> None:
        """Write down what may wait until then; to be called when no message is handled any more."""
        await self._offsets.write_all()

    async def _outcome(self, message: Received) -> Outcome:
        """Handle one message; what is wrong with it does not touch its neighbours."""
        try:
            return refusal_of(message) or await self._handle(message)
        except Poison as error:
            return outcome_of(error, message)

    async def _handle(self, message: Received) -> Complete:
        envelope, chunk, plain = decode_page(message)
        check_source(envelope, chunk)
        entered = await self._ledger.read(chunk.source, envelope.id)
        if entered is not None and entered.handled:
            return Complete()
        source, scopes = await self._source_and_scopes(chunk.source)
        parsed = parse(chunk, plain)
        # Nothing needs it any more, and it is much of what would be held until the chunk is handled.
        del plain
        if parsed.ahead:
            log.warning(
                "detections claim to be later than the page that they came on, and are given its time",
                extra={"source": chunk.source, "detections": parsed.ahead, "answered_at": str(chunk.answered_at)},
            )
        again = self._begun_before(message, envelope.id)
        results = await self._emitter.emit(envelope.id, source, scopes, parsed.sightings, again=again)
        parts = parts_of(message, chunk, envelope.id, parsed.rejections, self._to)
        await self._pages.send(list(parts))
        books = await self._moved(message, chunk.source, books_of(parsed, results))
        await self._ledger.write(chunk.source, envelope.id, books)
        measure(chunk.source, books)
        await self._offsets.advance(chunk.source, message, envelope.id)
        log.info("a chunk was handled", extra={"source": chunk.source, "chunk": envelope.id, **books.model_dump()})
        return Complete()

    def _begun_before(self, message: Received, chunk_id: str) -> bool:
        """Say whether somebody may have begun to handle the chunk before; to be asked once a try."""
        copied = any(name in message.properties for name in _COPIES)
        before = copied or message.delivery_count > 0 or chunk_id in self._begun
        self._begun[chunk_id] = None
        if len(self._begun) > _BEGUN_KEPT:
            del self._begun[next(iter(self._begun))]
        return before

    async def _source_and_scopes(self, source: str) -> tuple[Source, Scopes]:
        """Return a source and its scopes; the registry is looked at anew before a chunk is refused for it."""
        try:
            return self._routing.source_and_scopes(self._registry.current, source)
        except Poison:
            return self._routing.source_and_scopes(await self._registry.latest(), source)

    async def _moved(self, message: Received, source: str, books: ChunkBooks) -> ChunkBooks:
        """Return the books; of replayed rejections, in a form that moves them (see `ledger`)."""
        origin, reason = message.properties.get(REJECTED_FROM), message.properties.get(REJECTED_AS)
        if not isinstance(origin, str) or not isinstance(reason, str):
            return books
        first = await self._ledger.read(source, origin)
        counted = 0 if first is None else first.rejected.get(reason, 0)
        if REPLACES in message.properties:
            # A person may have taken detections out, which stay rejected, or put some in, which came with no chunk.
            moved = min(counted, books.detections)
        else:
            moved = counted if counted == books.detections else 0
        corrects = {reason: moved} if moved else {}
        return books.model_copy(update={"replayed_from_rejected": True, "corrects": corrects})
