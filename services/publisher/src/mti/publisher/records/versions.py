"""What each workspace holds, observable by observable, in the store."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from msgspec import Struct

from mti.common.errors import WriteConflict
from mti.common.ports.clock import Clock
from mti.common.ports.store import Container, Document, Key
from mti.common.races import until_won
from mti.common.retention import time_to_live
from mti.publisher.records.changes import Change, after
from mti.publisher.records.published import NOTHING, Published

PUBLISHED: Final = "published"
"""The name of the container."""
SHARDS: Final = tuple("0123456789abcdef")
"""A destination's documents are spread over as many partitions, by the first hex digit of the id's UUID."""


SEEN: Final = 4096
"""Observables that are kept in mind between a look and the change that follows: some 16 MB."""


def shard_of(id: str) -> str:
    """Return the shard of an indicator's id (`indicator--UUID`)."""
    return id.partition("--")[2][:1]


def partition_of(destination: str, shard: str) -> str:
    """Return the name of a partition."""
    return f"{destination}#{shard}"


def key_of(destination: str, id: str) -> Key:
    """Return the key of an observable's document, by its own id, in the books of a destination."""
    return f"{destination}#{id.partition('--')[2][:1]}", id  # as the two above say, without calling them


def destination_of(partition: str) -> str:
    """Return the destination of a partition."""
    return partition.rpartition("#")[0]


class _Read(Struct, frozen=True, gc=False):
    value: Published | None
    etag: str | None


_ABSENT: Final = _Read(None, None)


class _Step(Struct, frozen=True, gc=False):
    value: Published
    """After the changes."""
    etag: str | None
    changes: bool
    """Whether there is anything to be written."""


class PublishedVersions:
    """One document an observable and destination, under the observable's own id.

    Args:
        container: the store's container `published`.
        clock: the time, for how long documents live.
    """

    def __init__(self, container: Container, clock: Clock) -> None:
        self._container = container
        self._clock = clock
        self._seen: OrderedDict[str, dict[str, _Read]] = OrderedDict()
        """What was looked up last, by destination and by id: what follows is mostly a change of it."""

    async def look_up(self, destination: str, ids: Iterable[str]) -> dict[str, Published]:
        """Return what the workspace holds of those ids; ids that it never saw are absent."""
        found = await self._read(destination, ids)
        self._keep_in_mind(destination, found)
        return {id: read.value for id, read in found.items() if read.value is not None}

    async def record(self, destination: str, changes: Sequence[Change]) -> dict[str, Published]:
        """Apply changes and return what is known of their ids then. A lost race is read again; the newest wins.

        Raises:
            StoreUnavailable: the store does not answer, or too many others write the same ids.
        """
        waiting: dict[str, list[Change]] = {}
        for change in changes:
            waiting.setdefault(change.id, []).append(change)
        done: dict[str, Published] = {}

        async def attempt() -> dict[str, Published]:
            nonlocal waiting, done
            steps, now = await self._steps(destination, waiting), self._clock.now()
            changed = [id for id, step in steps.items() if step.changes]
            written = await self._container.write_many(
                [document_of(destination, id, steps[id].value, steps[id].etag, now) for id in changed]
            )
            lost = {id for id, document in zip(changed, written, strict=True) if document is None}
            done |= {id: step.value for id, step in steps.items() if id not in lost}
            waiting = {id: waiting[id] for id in lost}
            if waiting:
                raise WriteConflict(
                    f"workspace {destination}: {len(waiting)} ids are being written by somebody else as well"
                )
            return done

        return await until_won(attempt) if waiting else done

    async def destinations(self) -> set[str]:
        """Return the destinations that have books."""
        return {destination_of(partition) async for partition in self._container.partitions() if "#" in partition}

    async def scan(self, destination: str, shard: str) -> AsyncIterator[tuple[str, Published]]:
        """Yield the ids of a shard (one of `SHARDS`) in order, with what the workspace holds of each."""
        async for document in self._container.scan(partition_of(destination, shard)):
            yield document.id, Published.of(document)

    async def _steps(self, destination: str, waiting: Mapping[str, Sequence[Change]]) -> Mapping[str, "_Step"]:
        """Return what the changes make of what was looked up, once, or of what is there now.

        What was changed since is noticed by the write. Where nothing would be written nobody would notice, so that is
        read again.
        """
        seen, steps = self._seen.get(destination, {}), dict[str, _Step]()
        for id, changes in waiting.items():
            if (read := seen.pop(id, None)) is not None and (step := _step(read, changes)).changes:
                steps[id] = step
        if rest := waiting.keys() - steps.keys():
            found = await self._read(destination, rest)
            steps |= {id: _step(read, waiting[id]) for id, read in found.items()}
        return steps

    def _keep_in_mind(self, destination: str, found: Mapping[str, _Read]) -> None:
        """Keep what was looked up, and let go of what was longest ago."""
        self._seen.setdefault(destination, {}).update(found)
        self._seen.move_to_end(destination)
        excess = sum(map(len, self._seen.values())) - SEEN
        while excess > 0:
            oldest, seen = next(iter(self._seen.items()))
            gone = list(islice(seen, excess))
            for id in gone:
                del seen[id]
            excess -= len(gone)
            if not seen:
                del self._seen[oldest]

    async def _read(self, destination: str, ids: Iterable[str]) -> Mapping[str, _Read]:
        keys = {id: key_of(destination, id) for id in ids}
        documents = await self._container.read_each(list(keys.values()))
        return {id: _read(documents.get(key)) for id, key in keys.items()}


def document_of(destination: str, own: str, value: Published, etag: str | None, now: datetime) -> Document:
    """Return the document of an observable in a workspace.

    Args:
        destination: the workspace.
        own: the observable's own id.
        value: what is known.
        etag: of the document that it was read from; `None` where there is none.
        now: the time, for how long it lives.
    """
    partition, id = key_of(destination, own)
    return Document(
        partition=partition,
        id=id,
        text=value.text,
        etag=etag,
        ttl=_time_to_live(value, now),
    )


def _read(document: Document | None) -> _Read:
    return _ABSENT if document is None else _Read(Published.of(document), document.etag)


def _step(read: _Read, changes: Sequence[Change]) -> _Step:
    value = _apply(read.value, changes)
    return _Step(value, read.etag, value != (read.value or NOTHING))


def _apply(known: Published | None, changes: Sequence[Change]) -> Published:
    for change in changes:
        known = after(known, change)
    assert known is not None  # noqa: S101  there is at least one change
    return known


def _time_to_live(value: Published, now: datetime) -> int | None:
    """Return seconds: well beyond the validity; for ever where an id is spent, since it is never used again, where a
    person withdrew something, and where they lifted it: what was made before that may be valid for any time.
    """
    if value.revoked or value.generation or value.lifted is not None or value.is_withdrawn:
        return None
    until = value.valid_until or now
    if value.refused is not None and value.refused.valid_until is not None:
        until = max(until, value.refused.valid_until)
    return time_to_live(until, now)
