"""What a purge and a mending write into the services' books, so that these close.

A purge is entered before a dead letter is removed: killed in between and run again, the same is entered once more, and
brought back, the purge makes way for what becomes of it. A mending is entered when the mended message is confirmed and
before the dead letter is removed: what the books call replaced is on the bus, and a run that is killed before leaves
the dead letter to be mended again, under the same MessageId.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol

from mti.common.contracts import Contract, Indicator, IndicatorBatch, PageChunk, decode, is_indicator_id, own_id
from mti.common.contracts.envelope import REJECTED_FROM
from mti.common.errors import Poison
from mti.common.ports.clock import Clock
from mti.common.ports.store import Store
from mti.common.topology import Entity
from mti.fetcher.records import FETCHED
from mti.fetcher.records import Ledger as FetchLedger
from mti.normalizer.records import HANDLED, ChunkBooks
from mti.normalizer.records import Ledger as NormalizeLedger
from mti.operations.bus import DeadLetter
from mti.publisher.records import PUBLISHED, PURGED, PublishedVersions, Refuse

_DROPPED = "a person purged it from the dead letters"
_CHUNK_ID = re.compile("[0-9a-f]{40}")
_LONGEST_SOURCE = 200


class Books(Protocol):
    """Is told what a person does to dead letters. Each call may be repeated."""

    async def purged(self, entity: Entity, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        """Enter that dead letters of an entity are about to be removed.

        Returns:
            Those that can't be entered, since what they held can't be read and is not known otherwise.

        Raises:
            StoreUnavailable: a store does not answer; nothing may be removed.
        """
        ...

    async def about_to_mend(self, id: str, body: Contract) -> None:
        """Prepare that a mended body is sent.

        Args:
            id: the CloudEvents id of what is to be sent.
            body: what it holds.

        Raises:
            StoreUnavailable: a store does not answer; nothing may be sent.
        """
        ...

    async def mended(self, letter: DeadLetter, id: str, body: Contract) -> None:
        """Enter that a mended body was sent in the place of a dead letter, which is about to be removed.

        Raises:
            StoreUnavailable: a store does not answer; the dead letter must stay.
        """
        ...


def counted(entity: Entity) -> bool:
    """Say whether the services' books count what the messages of an entity hold."""
    return entity.contract in (PageChunk, IndicatorBatch)


class NoBooks:
    """Enters nothing: where the stores are not at hand, and somebody said that it is to be done all the same."""

    async def purged(self, entity: Entity, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        """Enter nothing, and say so of whatever should have been."""
        return list(letters) if counted(entity) else []

    async def about_to_mend(self, id: str, body: Contract) -> None:
        """Prepare nothing."""

    async def mended(self, letter: DeadLetter, id: str, body: Contract) -> None:
        """Enter nothing."""


class ServiceBooks:
    """The books of the three services.

    Args:
        fetcher: its store, to be read.
        normalizer: its store.
        publisher: its store.
        clock: the time.
    """

    def __init__(self, fetcher: Store, normalizer: Store, publisher: Store, clock: Clock) -> None:
        self._fetched = FetchLedger(fetcher.container(FETCHED))
        self._handled = NormalizeLedger(normalizer.container(HANDLED))
        self._versions = PublishedVersions(publisher.container(PUBLISHED), clock)

    async def purged(self, entity: Entity, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        """See `Books`."""
        if entity.contract is PageChunk:
            return await self._chunks_purged(letters)
        if entity.contract is IndicatorBatch:
            return await self._objects_purged(letters)
        return []

    async def about_to_mend(self, id: str, body: Contract) -> None:
        """See `Books`."""
        if isinstance(body, PageChunk):
            # It may be what an earlier mending replaced, put back as it was.
            await self._handled.reopen(body.source, id, body.detections)

    async def mended(self, letter: DeadLetter, id: str, body: Contract) -> None:
        """See `Books`."""
        if isinstance(body, PageChunk):
            await self._chunk_mended(letter, id, body)
        elif isinstance(body, IndicatorBatch):
            await self._objects_mended(letter, body)

    async def _chunks_purged(self, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        by_source: defaultdict[str, list[DeadLetter]] = defaultdict(list)
        for letter in letters:
            # A rejected part is counted with the chunk that it was cut from.
            if _is_a_chunk(letter) and not _is_part(letter):
                by_source[letter.source].append(letter)
        unknown: list[DeadLetter] = []
        for source, chunks in by_source.items():
            counts: dict[str, int] = {}
            published = await self._fetched.look_up(source, [letter.id for letter in chunks])
            for letter in chunks:
                count = _count(letter, published)
                if count is not None:
                    counts[letter.id] = count
                else:
                    unknown.append(letter)
            await self._handled.enter_purged(source, counts)
        return unknown

    async def _chunk_mended(self, letter: DeadLetter, id: str, body: PageChunk) -> None:
        same_source = body.source == letter.source
        if not _is_a_chunk(letter) or (letter.id == id and same_source):
            return
        if _is_part(letter):
            # Its detections are counted with the chunk that it was cut from; the mended one moves them.
            books = ChunkBooks(detections=0, replaced_by=id, replayed_from_rejected=True)
        else:
            published = await self._fetched.look_up(letter.source, [letter.id])
            detections = _count(letter, published) or 0
            books = ChunkBooks.of_replaced(detections, id, body.detections if same_source else 0)
        await self._handled.write(letter.source, letter.id, books)

    async def _objects_purged(self, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        unknown: list[DeadLetter] = []
        refusals: defaultdict[str, list[Refuse]] = defaultdict(list)
        for letter in letters:
            batch = _batch_of(letter)
            if batch is None and letter.id and letter.destination:
                unknown.append(letter)
            elif batch is not None and letter.destination:
                refusals[letter.destination] += _refusals(batch.objects)
        for destination, changes in refusals.items():
            await self._versions.record(destination, changes)
        return unknown

    async def _objects_mended(self, letter: DeadLetter, body: IndicatorBatch) -> None:
        """Enter what was taken out of a batch as purged."""
        batch = _batch_of(letter)
        if batch is None or not letter.destination:
            return
        kept = {each.id: each.modified for each in body.objects}
        out = [each for each in batch.objects if each.id not in kept or kept[each.id] < each.modified]
        if changes := _refusals(out):
            await self._versions.record(letter.destination, changes)


def _is_a_chunk(letter: DeadLetter) -> bool:
    """Say whether it calls itself a chunk as the project does; a stranger's names may not even be keys of a store."""
    return _CHUNK_ID.fullmatch(letter.id) is not None and 0 < len(letter.source) <= _LONGEST_SOURCE


def _is_part(letter: DeadLetter) -> bool:
    return bool(letter.message.properties.get(REJECTED_FROM))


def _count(letter: DeadLetter, published: Mapping[str, int]) -> int | None:
    """Return how many detections a chunk came in with; `None` where nobody counted it and it can't be read.

    A chunk that the fetcher has not entered is one that it is about to, or one that a person sent.
    """
    if letter.id in published:
        return published[letter.id]
    try:
        _, chunk = decode(letter.message, PageChunk)
    except Poison:
        return None
    return chunk.detections if chunk.source == letter.source else None


def _batch_of(letter: DeadLetter) -> IndicatorBatch | None:
    try:
        return decode(letter.message, IndicatorBatch)[1]
    except Poison:
        return None


def _refusals(objects: Sequence[Indicator]) -> list[Refuse]:
    return [
        Refuse(own_id(each.id, each.pattern), each, _DROPPED, PURGED) for each in objects if is_indicator_id(each.id)
    ]
