"""The store in memory, as slow as it is told to be. It keeps the contract of the port (`tests/contract/store`)."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mti.common.adapters.store_documents import SeveralAtATime, keyed, text_of
from mti.common.ports.clock import Clock
from mti.common.ports.store import Document, Key
from mti.simulation.parameters import Costs

FREE = Costs(store=0.0, document_read=0.0, document_written=0.0)
"""For tests of the contract: no time passes."""


@dataclass(frozen=True, slots=True)
class _Kept:
    version: int
    body: str
    ttl: int | None
    expires: datetime | None


class MemoryStore:
    """One service's containers.

    Args:
        clock: what times to live are measured with, and what passes while an operation takes its time.
        costs: how long operations take.
    """

    def __init__(self, clock: Clock, costs: Costs = FREE) -> None:
        self._clock = clock
        self._costs = costs
        self._containers: dict[str, MemoryContainer] = {}

    def container(self, name: str) -> "MemoryContainer":
        """Return the container of that name."""
        return self._containers.setdefault(name, MemoryContainer(name, self._clock, self._costs))

    async def close(self) -> None:
        """Let go of nothing: there is nothing to let go of."""


class MemoryContainer(SeveralAtATime):
    """See `mti.common.ports.store.Container`."""

    def __init__(self, name: str, clock: Clock, costs: Costs) -> None:
        super().__init__(name)
        self._clock = clock
        self._costs = costs
        self._kept: defaultdict[str, dict[str, _Kept]] = defaultdict(dict)
        self._version = 0

    async def read_each(self, keys: Sequence[Key]) -> dict[Key, Document]:
        """Return those that exist of the documents with these keys, by key."""
        await self._pass(self._costs.document_read * len(keys))
        found = {key: self._get(*key) for key in keys}
        return {key: document for key, document in found.items() if document is not None}

    async def write_many(self, documents: Sequence[Document]) -> list[Document | None]:
        """Write each as `write` does; `None` where it lost the race."""
        keyed(documents)
        await self._pass(self._costs.document_written * len(documents))
        return [self._put(document) for document in documents]

    async def delete(self, partition: str, id: str) -> None:
        """Remove the document; no error when there is none."""
        await self._pass(self._costs.document_written)
        self._kept[partition].pop(id, None)

    async def scan(self, partition: str, *, after: str = "", before: str | None = None) -> AsyncIterator[Document]:
        """Yield the documents of a partition in the order of their ids, from beyond `after` and up to `before`."""
        await self._pass(self._costs.document_read * len(self._kept.get(partition, ())))
        for id in sorted(found for found in self._kept.get(partition, ()) if found > after):
            if before is not None and id >= before:
                return
            document = self._get(partition, id)
            if document is not None:
                yield document

    async def partitions(self) -> AsyncIterator[str]:
        """Yield the name of each partition that holds a document."""
        await self._pass(0.0)
        for partition in list(self._kept):
            if any(self._get(partition, id) is not None for id in list(self._kept[partition])):
                yield partition

    async def _pass(self, seconds: float) -> None:
        if self._costs.store + seconds > 0:
            await asyncio.sleep(self._costs.store + seconds)

    def _get(self, partition: str, id: str) -> Document | None:
        kept = self._kept.get(partition, {}).get(id)
        if kept is None or (kept.expires is not None and kept.expires <= self._clock.now()):
            return None
        text = kept.body.encode()
        return Document(partition=partition, id=id, text=text, etag=str(kept.version), ttl=kept.ttl)

    def _put(self, document: Document) -> Document | None:
        current = self._kept.get(document.partition, {}).get(document.id)
        if current is not None and current.expires is not None and current.expires <= self._clock.now():
            current = None
        if document.etag != (None if current is None else str(current.version)):
            return None
        self._version += 1
        expires = None if document.ttl is None else self._clock.now() + timedelta(seconds=document.ttl)
        kept = _Kept(self._version, text_of(document), document.ttl, expires)
        self._kept[document.partition][document.id] = kept
        return document.with_etag(str(self._version))
