"""A store that costs next to nothing: documents stay in memory as they were handed over. What is left is the service.

It keeps what a service needs of the port's contract in one process: compare-and-set, and nothing of times to live.
"""

from collections.abc import AsyncIterator, Sequence

from mti.common.errors import WriteConflict
from mti.common.ports.store import Document, Key


class FreeStore:
    """One service's containers."""

    def __init__(self) -> None:
        self._containers: dict[str, FreeContainer] = {}

    def container(self, name: str) -> "FreeContainer":
        return self._containers.setdefault(name, FreeContainer())

    async def close(self) -> None:
        """There is nothing to let go of."""


class FreeContainer:
    """See `mti.common.ports.store.Container`."""

    def __init__(self) -> None:
        self._kept: dict[Key, Document] = {}
        self._version = 0

    async def read(self, partition: str, id: str) -> Document | None:
        return self._kept.get((partition, id))

    async def read_many(self, partition: str, ids: Sequence[str]) -> dict[str, Document]:
        return {id: self._kept[partition, id] for id in ids if (partition, id) in self._kept}

    async def read_each(self, keys: Sequence[Key]) -> dict[Key, Document]:
        kept = self._kept
        return {key: kept[key] for key in keys if key in kept}

    async def write(self, document: Document) -> Document:
        [written] = await self.write_many([document])
        if written is None:
            raise WriteConflict(document.id)
        return written

    async def write_many(self, documents: Sequence[Document]) -> list[Document | None]:
        return [self._put(document) for document in documents]

    async def delete(self, partition: str, id: str) -> None:
        self._kept.pop((partition, id), None)

    async def scan(self, partition: str, *, after: str = "", before: str | None = None) -> AsyncIterator[Document]:
        for key in sorted(key for key in self._kept if key[0] == partition and key[1] > after):
            if before is not None and key[1] >= before:
                return
            yield self._kept[key]

    async def partitions(self) -> AsyncIterator[str]:
        for partition in {partition for partition, _ in self._kept}:
            yield partition

    def _put(self, document: Document) -> Document | None:
        key = document.partition, document.id
        known = self._kept.get(key)
        if document.etag != (None if known is None else known.etag):
            return None
        self._version += 1
        written = document.with_etag(str(self._version))
        self._kept[key] = written
        return written
