"""Whoever writes to a packed pack, and is killed wherever: it holds what a plain dictionary says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from mti.common.adapters.packed import Limits, PackedStore
from mti.common.ports.store import Container, Document, Key
from mti.simulation.store import MemoryStore
from tests.support.clocks import HandClock

T = TypeVar("T")

TINY = Limits(epoch_documents=3, epoch_entries=9, page_bytes=300, index_pages=2, fan_in=2)
PARTITIONS = ("contoso#0", "contoso#1", "fabrikam#0", "plain")
IDS = tuple(f"id-{number:02}" for number in range(14))
PROCESSES = range(3)
Death = tuple[int, bool]
"""At which call, and whether before it."""
DEATHS = st.tuples(st.integers(1, 20), st.booleans())
KEYS = st.tuples(st.sampled_from(PARTITIONS), st.sampled_from(IDS))


class Killed(Exception):
    """The process is gone."""


class MortalContainer:
    """Passes calls on until its process dies, before one or after it."""

    def __init__(self, inner: Container) -> None:
        self._inner = inner
        self.left: int | None = None
        """Calls until it dies; `None`: it lives."""
        self.before = False
        """Whether it dies before its last call, and not after it."""

    async def _call(self, call: Callable[[], Awaitable[T]]) -> T:
        if self.left is None:
            return await call()
        self.left -= 1
        if self.left == 0 and self.before:
            raise Killed
        found = await call()
        if self.left == 0:
            raise Killed
        return found

    async def read(self, partition: str, id: str) -> Document | None:
        return await self._call(lambda: self._inner.read(partition, id))

    async def read_many(self, partition: str, ids: Sequence[str]) -> dict[str, Document]:
        return await self._call(lambda: self._inner.read_many(partition, ids))

    async def read_each(self, keys: Sequence[Key]) -> dict[Key, Document]:
        return await self._call(lambda: self._inner.read_each(keys))

    async def write(self, document: Document) -> Document:
        return await self._call(lambda: self._inner.write(document))

    async def write_many(self, documents: Sequence[Document]) -> list[Document | None]:
        return await self._call(lambda: self._inner.write_many(documents))

    async def delete(self, partition: str, id: str) -> None:
        await self._call(lambda: self._inner.delete(partition, id))

    async def scan(self, partition: str, *, after: str = "", before: str | None = None) -> AsyncIterator[Document]:
        await self._call(_nothing)
        async for document in self._inner.scan(partition, after=after, before=before):
            yield document

    def partitions(self) -> AsyncIterator[str]:
        return self._inner.partitions()


async def _nothing() -> None:
    return


class OneContainer:
    """A store of one container."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def container(self, name: str) -> Container:
        return self._container

    async def close(self) -> None:
        return


def pack_of(partition: str) -> str | None:
    name, found, _ = partition.partition("#")
    return name if found else None


class Process:
    """A process that works on the store."""

    def __init__(self, below: Container, clock: HandClock, limits: Limits = TINY) -> None:
        self._below, self._clock, self._limits = below, clock, limits
        self.start()

    def start(self) -> None:
        self.mortal = MortalContainer(self._below)
        store = PackedStore(OneContainer(self.mortal), {"known": pack_of}, self._clock, self._limits)
        self.container = store.container("known")


class Packed(RuleBasedStateMachine):
    """A few processes over one store, and what it is to hold."""

    limits = TINY

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.below = MemoryStore(self.clock).container("known")
        self.processes = [Process(self.below, self.clock, self.limits) for _ in PROCESSES]
        self.holds: dict[Key, Document] = {}
        self.until: dict[Key, datetime] = {}
        self.old: dict[Key, str] = {}
        """An etag of an earlier version of each."""

    @rule(seconds=st.sampled_from([1, 30, 400]))
    def time_passes(self, seconds: int) -> None:
        self.clock.time += timedelta(seconds=seconds)
        for key in [key for key, until in self.until.items() if until <= self.clock.time]:
            self.old[key] = str(self.holds.pop(key).etag)
            del self.until[key]

    @rule(
        process=st.sampled_from(PROCESSES),
        keys=st.lists(KEYS, min_size=1, max_size=8, unique=True),
        stale=st.sets(KEYS, max_size=3),
        ttl=st.sampled_from([None, None, 20, 300]),
        number=st.integers(0, 999),
        dies=st.one_of(st.none(), st.none(), st.none(), DEATHS),
    )
    def write(
        self, process: int, keys: list[Key], stale: set[Key], ttl: int | None, number: int, dies: Death | None
    ) -> None:
        documents = [
            Document(
                partition=key[0],
                id=key[1],
                body={"n": number, "of": key[1]},
                etag=self._stale_etag(key) if key in stale else self._etag(key),
                ttl=ttl,
            )
            for key in keys
        ]
        container = self._about_to_die(process, dies)
        try:
            written = asyncio.run(container.write_many(documents))
        except Killed:
            self._died(process, documents)
            return
        self.processes[process].mortal.left = None
        for key, document, result in zip(keys, documents, written, strict=True):
            if key in stale:
                assert result is None
            else:
                assert result is not None
                assert result == replace(document, etag=result.etag)
                assert result.etag != document.etag
                self._set(key, result)

    @rule(process=st.sampled_from(PROCESSES), key=KEYS, dies=st.one_of(st.none(), DEATHS))
    def delete(self, process: int, key: Key, dies: Death | None) -> None:
        container = self._about_to_die(process, dies)
        try:
            asyncio.run(container.delete(*key))
        except Killed:
            self._died(process, [])
            self._look([key], [None])
            return
        self.processes[process].mortal.left = None
        if (gone := self.holds.pop(key, None)) is not None:
            self.old[key] = str(gone.etag)
            self.until.pop(key, None)

    @rule(process=st.sampled_from(PROCESSES), keys=st.lists(KEYS, max_size=12))
    def read(self, process: int, keys: list[Key]) -> None:
        found = asyncio.run(self.processes[process].container.read_each(keys))
        wanted = {key: self.holds[key] for key in keys if key in self.holds}
        assert found == wanted

    @rule(
        process=st.sampled_from(PROCESSES),
        partition=st.sampled_from(PARTITIONS),
        after=st.sampled_from(["", *IDS]),
        before=st.sampled_from([None, *IDS]),
    )
    def scan(self, process: int, partition: str, after: str, before: str | None) -> None:
        async def scanned() -> list[Document]:
            container = self.processes[process].container
            return [found async for found in container.scan(partition, after=after, before=before)]

        wanted = [
            document
            for (its, id), document in sorted(self.holds.items())
            if its == partition and id > after and (before is None or id < before)
        ]
        assert asyncio.run(scanned()) == wanted

    @rule(process=st.sampled_from(PROCESSES))
    def partitions(self, process: int) -> None:
        async def named() -> list[str]:
            return [name async for name in self.processes[process].container.partitions()]

        assert sorted(asyncio.run(named())) == sorted({partition for partition, _ in self.holds})

    @rule(process=st.sampled_from(PROCESSES))
    def restart(self, process: int) -> None:
        self.processes[process].start()

    def _etag(self, key: Key) -> str | None:
        found = self.holds.get(key)
        return None if found is None else found.etag

    def _stale_etag(self, key: Key) -> str | None:
        if key not in self.holds:
            return self.old.get(key, "0.999")
        return self.old.get(key)

    def _set(self, key: Key, document: Document) -> None:
        if (before := self.holds.get(key)) is not None:
            self.old[key] = str(before.etag)
        self.holds[key] = document
        self.until.pop(key, None)
        if document.ttl is not None:
            self.until[key] = self.clock.time + timedelta(seconds=document.ttl)

    def _about_to_die(self, process: int, dies: Death | None) -> Container:
        mortal = self.processes[process].mortal
        mortal.left, mortal.before = dies or (None, False)
        return self.processes[process].container

    def _died(self, process: int, documents: Sequence[Document]) -> None:
        self.processes[process].start()
        self._look([(document.partition, document.id) for document in documents], documents)

    def _look(self, keys: Sequence[Key], tried: Sequence[Document | None]) -> None:
        """See whether what a killed process was at was done: each is as before, or as it was to be."""
        found = asyncio.run(self.processes[0].container.read_each(keys))
        for key, document in zip(keys, tried, strict=True):
            now = found.get(key)
            if now == self.holds.get(key):
                continue
            if now is None:
                assert document is None
                self.old[key] = str(self.holds.pop(key).etag)
                self.until.pop(key, None)
            else:
                assert document is not None
                assert document.etag == self._etag(key)
                assert now == replace(document, etag=now.etag)
                self._set(key, now)


class PackedInSmallSteps(Packed):
    """Merges are put aside after each page, whatever comes in between."""

    limits = replace(TINY, pages_at_once=1)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("machine", [Packed, PackedInSmallSteps])
def test_packed_documents_are_as_a_dictionary_says(machine: type[Packed]) -> None:
    quick = settings(max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=quick)
