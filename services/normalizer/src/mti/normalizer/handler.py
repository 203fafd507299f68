"""Handles chunks: parse, group, decide, emit what is new or due, record it, then write the books.

In this order a crash between two steps repeats what went before. That is harmless: ids and bytes are the same, and what
was recorded says by which chunk, so that the second try counts as the first one did.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from mti.common.contracts import PageChunk, decode, refusal_of
from mti.common.contracts.envelope import REJECTED_AS, REJECTED_FROM, REPLACES
from mti.common.errors import Poison
from mti.common.ports.bus import Outgoing, Received, Sender
from mti.common.ports.settlement import Complete, DeadLetter, Outcome
from mti.common.registry import IndicatorPolicy, RegistryProvider, Source
from mti.normalizer.admission import admit
from mti.normalizer.decisions import Decision, decide, identified, merged
from mti.normalizer.grouping import group
from mti.normalizer.indicators.building import build
from mti.normalizer.indicators.messages import messages_for
from mti.normalizer.parsing import Sighting, parse
from mti.normalizer.records import ChunkBooks, KnownIndicator, KnownIndicators, Ledger, Offsets
from mti.normalizer.rejections import parts_of
from mti.normalizer.routing import Scope, check_source, joined, way_of
from mti.normalizer.tally import ScopeResult, books_of, measure

log = logging.getLogger(__name__)


class NormalizeHandler:
    """Makes indicators of chunks, one message after another.

    Args:
        registry: the tenants.
        known: what was emitted.
        ledger: the books.
        offsets: how far each source has come.
        indicators: to the topic of the publisher.
        pages: to the topic that chunks come through, for what is to be dead-lettered of one.
        to: the subscription of this service in that topic.
    """

    def __init__(
        self,
        registry: RegistryProvider,
        known: KnownIndicators,
        ledger: Ledger,
        offsets: Offsets,
        *,
        indicators: Sender,
        pages: Sender,
        to: str,
    ) -> None:
        self._registry = registry
        self._known = known
        self._ledger = ledger
        self._offsets = offsets
        self._indicators = indicators
        self._pages = pages
        self._to = to
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def __call__(self, messages: Sequence[Received]) -> list[Outcome]:
        """Handle the messages and return one outcome each.

        Raises:
            Unavailable: the bus or the store does not answer. What was done stays done, and is not counted twice.
        """
        return [await self._outcome(message) for message in messages]

    async def _outcome(self, message: Received) -> Outcome:
        """Handle one message; what is wrong with it does not touch its neighbours."""
        try:
            return refusal_of(message) or await self._handle(message)
        except Poison as error:
            return DeadLetter(error.reason, error.description)

    async def _handle(self, message: Received) -> Complete:
        envelope, chunk = decode(message, PageChunk)
        check_source(envelope, chunk)
        entered = await self._ledger.read(chunk.source, envelope.id)
        if entered is not None and entered.handled:
            return Complete()
        source, scopes = await self._way(chunk.source)
        parsed = parse(chunk)
        if parsed.ahead:
            log.warning(
                "detections claim to be later than the page that they came on, and are given its time",
                extra={"source": chunk.source, "detections": parsed.ahead, "answered_at": str(chunk.answered_at)},
            )
        results = await self._emit(envelope.id, source, joined(scopes, parsed.sightings), parsed.sightings)
        parts = parts_of(message, chunk, envelope.id, parsed.rejections, self._to)
        await self._pages.send(list(parts))
        books = await self._moved(message, chunk.source, books_of(parsed, results))
        await self._ledger.write(chunk.source, envelope.id, books)
        measure(chunk.source, books)
        await self._offsets.advance(chunk.source, message, envelope.id)
        log.info("a chunk was handled", extra={"source": chunk.source, "chunk": envelope.id, **books.model_dump()})
        return Complete()

    async def _way(self, source: str) -> tuple[Source, list[Scope]]:
        """Return a source and its scopes; the registry is looked at anew before a chunk is refused for it."""
        try:
            return way_of(self._registry.current, source)
        except Poison:
            return way_of(await self._registry.look_again(), source)

    async def _emit(
        self, chunk_id: str, source: Source, scopes: Sequence[Scope], sightings: Sequence[Sighting]
    ) -> list[ScopeResult]:
        """Emit what the source did not bring yet, wait for the broker's word, and only then remember it.

        The chunks of a source take turns in this process: neighbours hold the same files, and would emit them all. With
        other processes there is no such turn; there it costs a few uploads, and the sums are right all the same.
        """
        observables = {observable for sighting in sightings for observable in sighting.observables}
        standings = await self._known.withdrawals.look_up(source.id, observables)
        withdrawn = {observable for observable, standing in standings.items() if standing.withdrawn}
        admitted = [admit(sightings, scope.policy, withdrawn) for scope in scopes]
        groups = [identified(group(found.sightings), standings) for found in admitted]
        async with self._locks[source.id]:
            known = await self._known.look_up(source.id, {id for found in groups for id in found})
            decisions = [
                decide(found, known, scope.policy, chunk_id) for scope, found in zip(scopes, groups, strict=True)
            ]
            await self._indicators.send(
                [
                    outgoing
                    for scope, found in zip(scopes, decisions, strict=True)
                    for outgoing in _messages(source, scope, found)
                ]
            )
            verdicts = await self._known.remember(source.id, _entries(scopes, decisions, known))
        return [ScopeResult(*found, verdicts) for found in zip(admitted, decisions, strict=True)]

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


def _messages(source: Source, scope: Scope, decisions: Sequence[Decision]) -> Iterator[Outgoing]:
    """Return what a scope's workspaces are sent."""
    objects = [
        build(decision.entry, scope.policy, source.feed, source.region)
        for decision in decisions
        if decision.entry is not None
    ]
    # What is told once more after a lift, of the same detections, is no duplicate of what was told before.
    lifts = sum(decision.entry.generation for decision in decisions if decision.entry is not None)
    return messages_for(scope.destinations, source.id, objects, run=f"lift{lifts}" if lifts else None)


def _entries(
    scopes: Sequence[Scope], decisions: Sequence[Sequence[Decision]], known: Mapping[str, KnownIndicator]
) -> list[KnownIndicator]:
    """Return what is to be remembered: one entry an indicator, whichever policies it was emitted under."""
    by_id: dict[str, list[tuple[IndicatorPolicy, Decision]]] = {}
    for scope, found in zip(scopes, decisions, strict=True):
        for decision in found:
            if decision.entry is not None:
                by_id.setdefault(decision.id, []).append((scope.policy, decision))
    return [merged(found, known.get(id)) for id, found in by_id.items()]
