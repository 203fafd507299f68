"""What was emitted, indicator by indicator, in the store.

What is known is kept by source: how a tenant wants it sent changes what is sent, never what is known. The partitions of
a source are shards by the id: each holds a range of it, so that reading the shards in their order yields the ids in
order. A grid is large and has 32, a customer's feed has 4.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from mti.common.errors import WriteConflict
from mti.common.feeds import Feed
from mti.common.ports.clock import Clock
from mti.common.ports.store import Container, Document, Key
from mti.common.races import until_won
from mti.common.registry import IndicatorPolicy
from mti.common.retention import time_to_live
from mti.common.source_id import SourceId
from mti.normalizer.observables import Observable, indicator_id
from mti.normalizer.records.audiences import Audiences
from mti.normalizer.records.emissions import later_of
from mti.normalizer.records.known_indicator import REFRESHES_KEPT, KnownIndicator, Verdict
from mti.normalizer.records.memory import Memory
from mti.normalizer.records.withdrawals import (
    Standing,
    Withdrawals,
    audiences_of,
    keys_of,
    mark_keys,
    marks_in,
    standings_among,
    standings_in,
)

CONTAINER: Final = "known"

_GRID_SHARDS = 32
_CUSTOMER_SHARDS = 4


def shards_of(source: str) -> range:
    """Return the shards of a source."""
    return range(_GRID_SHARDS if SourceId.parse(source).feed is Feed.MALWARE_GRID else _CUSTOMER_SHARDS)


def shard_of(source: str, id: str) -> int:
    """Return the shard of an id (`indicator--UUID`) in a source, by its first two hex digits."""
    return int(id[_DIGITS], 16) * len(shards_of(source)) // 256


def partition_of(source: str, shard: int) -> str:
    """Return the name of a partition."""
    return f"{source}#{shard:02d}"


def key_of(source: str, id: str) -> Key:
    """Return the key of an indicator's document in a source."""
    [key] = _keys_of(source, [id])
    return key


def _keys_of(source: str, ids: Iterable[str]) -> list[Key]:
    """Return the keys of indicators' documents in a source: see `shard_of`."""
    partitions = _partitions(source)
    shards = len(partitions)
    return [(partitions[int(id[_DIGITS], 16) * shards // 256], id) for id in ids]


@lru_cache(maxsize=4096)
def _partitions(source: str) -> tuple[str, ...]:
    return tuple(partition_of(source, shard) for shard in shards_of(source))


_DIGITS: Final = slice(len("indicator--"), len("indicator--") + 2)


class KnownIndicators:
    """One document an indicator and source.

    Args:
        container: the store's container `known`.
        clock: the time, for how long documents live.
    """

    def __init__(self, container: Container, clock: Clock) -> None:
        self._container = container
        self._clock = clock
        self._memory = Memory()
        self._audiences = Audiences(self.withdrawals)

    async def recall(
        self, source: str, newest: Mapping[Observable, datetime], policies: Sequence[IndicatorPolicy], *, anew: bool
    ) -> "Recalled":
        """Return what is known of observables that were seen, and how they stand.

        What this process remembers is not asked of the store; of all others it is one call, or two where somebody
        withdrew or lifted something since. What was withdrawn is read as a whole before, once in a while and when
        it changes, where many are looked up; see `audiences`.

        Args:
            source: the source's id.
            newest: the observables, and when each was seen last.
            policies: under which what was seen will be decided on.
            anew: whether to ask the store in any case.
        """
        memory, moment = self._memory.of(source), self._clock.monotonic()
        if memory.marks is None:
            memory.confirmed(marks_in(await self._container.read_each(mark_keys(source)), source), moment)
        remembered = [set() if anew else memory.suppressed(newest, policy, self._clock.now()) for policy in policies]
        # What is decided on under one policy is under all: what one is not sent has to be remembered when others are.
        common = set.intersection(*remembered)
        wanted = newest.keys() - common
        if not wanted and memory.trusted(moment):
            return Recalled({}, {}, {}, common, lasting=True)
        ids = {indicator_id(observable): observable for observable in wanted}
        before = memory.marks
        kept = {} if anew or before is None else await self._audiences.of(source, before, moment, len(ids))
        asked = [audience for audience in audiences_of(source) if audience not in kept]
        documents = await self._container.read_each([*mark_keys(source), *keys_of(asked, ids), *_keys_of(source, ids)])
        marks = marks_in(documents, source)
        confirmed = memory.confirmed(marks, moment)
        # Another chunk may have confirmed new marks meanwhile; what was taken from memory before is of the old ones.
        if (common and not confirmed) or ((common or kept) and marks != before):
            return await self.recall(source, newest, policies, anew=True)
        known = {
            id: KnownIndicator.of(document)
            for (partition, id), document in documents.items()
            if partition.startswith(f"{source}#")
        }
        among = [
            {id: standings[id] for id in standings.keys() & ids.keys()} for standings in kept.values() if standings
        ]
        standings = {ids[id]: each for id, each in standings_among([*among, standings_in(documents)]).items()}
        return Recalled({observable: id for id, observable in ids.items()}, known, standings, common, lasting=confirmed)

    def learn(self, source: str, known: Iterable[KnownIndicator], policies: Collection[IndicatorPolicy]) -> None:
        """Remember what stands in the store, as it was looked up or written a moment ago."""
        self._memory.learn_each(source, known, policies)

    async def look_up(self, source: str, ids: Iterable[str]) -> dict[str, KnownIndicator]:
        """Return what is known of those ids; the unknown are absent."""
        documents = await self._container.read_each(_keys_of(source, ids))
        return {id: KnownIndicator.of(document) for (_, id), document in documents.items()}

    async def remember(
        self, source: str, emitted: Sequence[KnownIndicator], policies: Collection[IndicatorPolicy] = ()
    ) -> dict[str, Verdict]:
        """Record what was emitted, by the chunk that is `known.by`, and return what each indicator was to it.

        Usually that is what was decided. Where another chunk was faster the newer version stays: one that is newer
        counts as a refresh of the other's, any other as suppressed. So the chunks to which an indicator is new are as
        many as there are documents, and those that it is refreshed by as many as the documents' refreshes.

        Args:
            source: the source's id.
            emitted: what was emitted.
            policies: under which it was: what is written is known to this process from then on.

        Raises:
            StoreUnavailable: the store does not answer, or too many others write the same ids.
        """
        done: dict[str, Verdict] = {}
        waiting = list(emitted)

        async def attempt() -> dict[str, Verdict]:
            nonlocal waiting
            written = await self._container.write_many(_documents_of(source, waiting, self._clock.now()))
            lost: list[KnownIndicator] = []
            kept: list[KnownIndicator] = []
            for known, document in zip(waiting, written, strict=True):
                if document is None:
                    lost.append(known)
                else:
                    kept.append(known)
                    done[known.id] = Verdict.REFRESHED if known.refreshes else Verdict.NEW
            self._memory.learn_each(source, kept, policies)
            waiting = await self._rivals(source, lost, done)
            if waiting:
                raise WriteConflict(f"{source}: {len(waiting)} indicators are being written by others as well")
            return done

        return await until_won(attempt)

    @property
    def withdrawals(self) -> Withdrawals:
        """What a person withdrew, which is kept beside what is known."""
        return Withdrawals(self._container)

    async def scan(self, source: str, shard: int, *, after: str = "") -> AsyncIterator[KnownIndicator]:
        """Yield what is known in a shard (one of `shards_of`), in the order of the ids, from beyond `after`."""
        async for document in self._container.scan(partition_of(source, shard), after=after):
            yield KnownIndicator.of(document)

    async def sources(self) -> list[str]:
        """Return the sources that have brought anything."""
        partitions = [partition async for partition in self._container.partitions()]
        return sorted({partition.rpartition("#")[0] for partition in partitions if "#" in partition})

    async def _rivals(
        self, source: str, lost: Sequence[KnownIndicator], done: dict[str, Verdict]
    ) -> list[KnownIndicator]:
        """Return what is to be written after all; note in `done` what is not."""
        if not lost:
            return []
        current = await self.look_up(source, [known.id for known in lost])
        again: list[KnownIndicator] = []
        for known in lost:
            rival = current.get(known.id)
            if rival is None:
                again.append(replace(known, etag=None, first_by=known.by, refreshed_by=(), refreshes=0))
            elif (verdict := rival.earlier_verdict(known.by)) is not None:
                # Another try of this very chunk was faster.
                done[known.id] = verdict
            elif rival.version >= known.version and rival.generation >= known.generation:
                done[known.id] = Verdict.SUPPRESSED
            else:
                again.append(_following(known, rival))
        return again


@dataclass(frozen=True, slots=True)
class Recalled:
    """What is known of the observables of a chunk, and how they stand."""

    ids: Mapping[Observable, str]
    """Those that the store was asked for, with the ids of their indicators."""
    known: Mapping[str, KnownIndicator]
    """By id; the unknown are absent."""
    standings: Mapping[Observable, Standing]
    """Of those that were withdrawn once."""
    remembered: Collection[Observable]
    """Those that this process knows to be suppressed under every policy."""
    lasting: bool
    """Whether the marks were read before all of this, and were the same after: then it may be remembered."""


def document_of(source: str, known: KnownIndicator, now: datetime) -> Document:
    """Return the document of an indicator of a source, which lives well beyond its validity."""
    [document] = _documents_of(source, [known], now)
    return document


def _documents_of(source: str, known: Sequence[KnownIndicator], now: datetime) -> list[Document]:
    return [
        Document(
            partition=partition,
            id=id,
            text=each.text,
            etag=each.etag,
            ttl=time_to_live(each.valid_until, now),
        )
        for each, (partition, id) in zip(known, _keys_of(source, [each.id for each in known]), strict=True)
    ]


def _following(known: KnownIndicator, rival: KnownIndicator) -> KnownIndicator:
    """Return the known as the version that follows a rival's."""
    return replace(
        known,
        created=rival.created,
        first_by=rival.first_by,
        refreshed_by=(*rival.refreshed_by, known.by)[-REFRESHES_KEPT:],
        refreshes=rival.refreshes + 1,
        sightings=max(known.sightings, rival.sightings),
        generation=max(known.generation, rival.generation),
        emitted=later_of(rival.emitted, known.emitted) if known.generation <= rival.generation else known.emitted,
        facts=known.facts.or_else(rival.facts),
        etag=rival.etag,
    )
