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
from mti.publisher.records.entering import Entering
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
    key: Key
    value: Published | None
    etag: str | None


class _Step(Struct, frozen=True, gc=False):
    key: Key
    value: Published
    """After the changes."""
    etag: str | None


class PublishedVersions:
    """One document an observable and destination, under the observable's own id.

    Args:
        container: the store's container `published`.
        clock: the time, for how long documents live.
    """

    def __init__(self, container: Container, clock: Clock) -> None:
        self._container = container
        self._clock = clock
        self._entering = Entering(self._record)
        self._seen: OrderedDict[str, dict[str, _Read]] = OrderedDict()
        """What was looked up last, by destination and by id: what follows is mostly a change of it."""

    async def look_up(self, destination: str, ids: Iterable[str]) -> dict[str, Published]:
        """Return what the workspace holds of those ids; ids that it never saw are absent."""
        found = await self._read(destination, ids)
        self._keep_in_mind(destination, found)
        return {id: read.value for id, read in found.items() if read.value is not None}

    async def record(self, destination: str, changes: Sequence[Change]) -> dict[str, Published]:
        """Apply changes and return what is known of their ids then. A lost race is read again; the newest wins.

        Those that come while others are written are written together.

        Raises:
            StoreUnavailable: the store does not answer, or too many others write the same ids.
        """
        return await self._entering.enter(destination, changes) if changes else {}

    async def _record(self, destination: str, changes: Sequence[Change]) -> dict[str, Published]:
        waiting: dict[str, Sequence[Change]] = {}
        for change in changes:
            id = change.id
            waiting[id] = (*waiting[id], change) if id in waiting else (change,)
        done: dict[str, Published] = {}

        async def attempt() -> dict[str, Published]:
            nonlocal waiting
            steps, unchanged = await self._steps(destination, waiting)
            now = self._clock.now()
            written = await self._container.write_many(
                [_document(step.key, step.value, step.etag, now) for step in steps]
            )
            lost = [step.key[1] for step, document in zip(steps, written, strict=True) if document is None]
            done.update({step.key[1]: step.value for step in steps})
            done.update(unchanged)
            if lost:
                for id in lost:
                    del done[id]
                waiting = {id: waiting[id] for id in lost}
                raise WriteConflict(
                    f"workspace {destination}: {len(waiting)} ids are being written by somebody else as well"
                )
            return done

        return await until_won(attempt)

    async def destinations(self) -> set[str]:
        """Return the destinations that have books."""
        return {destination_of(partition) async for partition in self._container.partitions() if "#" in partition}

    async def scan(self, destination: str, shard: str) -> AsyncIterator[tuple[str, Published]]:
        """Yield the ids of a shard (one of `SHARDS`) in order, with what the workspace holds of each."""
        async for document in self._container.scan(partition_of(destination, shard)):
            yield document.id, Published.of(document)

    async def _steps(
        self, destination: str, waiting: Mapping[str, Sequence[Change]]
    ) -> tuple[list[_Step], dict[str, Published]]:
        """Return what the changes make of what was looked up, once, or of what is there now; and what stays as it is.

        What was changed since is noticed by the write. Where nothing would be written nobody would notice, so that is
        read again.
        """
        seen, steps, rest = self._seen.get(destination, {}), list[_Step](), list[str]()
        for id, changes in waiting.items():
            read = seen.pop(id, None)
            if read is not None and (step := _step(read, changes)) is not None:
                steps.append(step)
            else:
                rest.append(id)
        unchanged: dict[str, Published] = {}
        for id, read in (await self._read(destination, rest)).items() if rest else ():
            if (step := _step(read, waiting[id])) is not None:
                steps.append(step)
            else:
                unchanged[id] = read.value or NOTHING
        return steps, unchanged

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
        keys = [key_of(destination, id) for id in ids]
        documents = await self._container.read_each(keys)
        return {key[1]: _read(key, documents.get(key)) for key in keys}


def document_of(destination: str, own: str, value: Published, etag: str | None, now: datetime) -> Document:
    """Return the document of an observable in a workspace.

    Args:
        destination: the workspace.
        own: the observable's own id.
        value: what is known.
        etag: of the document that it was read from; `None` where there is none.
        now: the time, for how long it lives.
    """
    return _document(key_of(destination, own), value, etag, now)


def _document(key: Key, value: Published, etag: str | None, now: datetime) -> Document:
    partition, id = key
    return Document(partition=partition, id=id, text=value.text, etag=etag, ttl=_time_to_live(value, now))


def _read(key: Key, document: Document | None) -> _Read:
    return _Read(key, None, None) if document is None else _Read(key, Published.of(document), document.etag)


def _step(read: _Read, changes: Sequence[Change]) -> _Step | None:
    """Return what changes make of what was read; `None` where that is the same."""
    value = read.value
    for change in changes:
        value = after(value, change)
    return None if value is None or value == (read.value or NOTHING) else _Step(read.key, value, read.etag)


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
