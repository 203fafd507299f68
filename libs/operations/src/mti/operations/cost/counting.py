"""A store that counts what Cosmos DB would be asked for, and what that is charged with.

It stands in front of any adapter and asks it for the same; what is counted is what `mti.common.adapters.cosmos` makes
of each call: point reads, the SDK's queries for up to 1,000 keys, requests that create up to 100 documents of a
partition or replace one, pages of 100.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mti.common.errors import WriteConflict
from mti.common.ports.store import Container, Document, Key, Store
from mti.operations.cost.request_units import RequestUnits

KEYS_A_QUERY: Final = 1000
"""That azure-cosmos puts into one query (`ReadItemsHelperAsync`); a single key is read by a point read."""
AT_ONCE: Final = 100
"""New documents of a partition that are created by one request, all or none."""
PAGE: Final = 100
"""Documents that a scan is given at a time."""
SYSTEM_BYTES: Final = 230
"""What Cosmos DB adds to an item: `_rid`, `_self`, `_etag`, `_attachments` and `_ts`."""
_TOKEN: Final = "0" * 16


class Kind(StrEnum):
    """What a request to Cosmos DB is."""

    READ = "read"
    QUERY = "query"
    INSERT = "insert"
    REPLACE = "replace"
    DELETE = "delete"


@dataclass(slots=True)
class Requests:
    """Requests of one kind to one container."""

    count: int = 0
    documents: int = 0
    """Read, found or written."""
    bytes: int = 0
    """Of these."""
    request_units: float = 0.0


class StoreMeter:
    """Adds up what a store is asked for.

    Args:
        rates: what each request is charged with.
    """

    def __init__(self, rates: RequestUnits) -> None:
        self.rates = rates
        self.requests: dict[tuple[str, Kind], Requests] = {}
        """By container and kind."""

    @property
    def request_units(self) -> float:
        """The charge of everything."""
        return sum(each.request_units for each in self.requests.values())

    def count(self, *kinds: Kind) -> int:
        """Return how many requests there were of these kinds."""
        return sum(each.count for (_, kind), each in self.requests.items() if kind in kinds)

    @property
    def inserted_bytes(self) -> int:
        """What came to lie in the store."""
        return sum(each.bytes for (_, kind), each in self.requests.items() if kind is Kind.INSERT)

    def add(self, container: str, kind: Kind, sizes: Sequence[int], charge: float) -> None:
        """Count one request."""
        requests = self.requests.setdefault((container, kind), Requests())
        requests.count += 1
        requests.documents += len(sizes)
        requests.bytes += sum(sizes)
        requests.request_units += charge


class CountedStore:
    """A store whose calls are counted.

    Args:
        inner: what does the work.
        meter: adds them up.
    """

    def __init__(self, inner: Store, meter: StoreMeter) -> None:
        self._inner = inner
        self._meter = meter

    def container(self, name: str) -> "CountedContainer":
        """Return the container of that name."""
        return CountedContainer(name, self._inner.container(name), self._meter)

    async def close(self) -> None:
        """Let go of files and connections."""
        await self._inner.close()


class CountedContainer:
    """One container's documents; made by `CountedStore.container`. Every call does what the port says of it."""

    def __init__(self, name: str, inner: Container, meter: StoreMeter) -> None:
        self._name = name
        self._inner = inner
        self._meter = meter

    async def read(self, partition: str, id: str) -> Document | None:
        """Return the document or `None`."""
        found = await self._inner.read(partition, id)
        self._read([] if found is None else [found])
        return found

    async def read_many(self, partition: str, ids: Sequence[str]) -> dict[str, Document]:
        """Return those of the ids that exist, by id."""
        return {id: found for (_, id), found in (await self.read_each([(partition, id) for id in ids])).items()}

    async def read_each(self, keys: Sequence[Key]) -> dict[Key, Document]:
        """Return those that exist of the documents with these keys, by key."""
        documents = await self._inner.read_each(keys)
        asked = list(dict.fromkeys(keys))
        for start in range(0, len(asked), KEYS_A_QUERY):
            part = asked[start : start + KEYS_A_QUERY]
            found = [documents[key] for key in part if key in documents]
            if len(part) == 1:
                self._read(found)
            else:
                self._query(found, len(part))
        return documents

    async def write(self, document: Document) -> Document:
        """Create the document, or replace the version that was read.

        Raises:
            WriteConflict: it is not what was read.
        """
        try:
            written = await self._inner.write(document)
        except WriteConflict:
            self._write(document, lost=True)
            raise
        self._write(document)
        return written

    async def write_many(self, documents: Sequence[Document]) -> list[Document | None]:
        """Write each as `write` does; `None` where it lost the race."""
        written = await self._inner.write_many(documents)
        lost = {document.partition for document, result in zip(documents, written, strict=True) if result is None}
        new: dict[str, list[Document]] = {}
        for document, result in zip(documents, written, strict=True):
            if document.etag is None and document.partition not in lost:
                new.setdefault(document.partition, []).append(document)
            else:
                self._write(document, lost=result is None)
        for created in new.values():
            for start in range(0, len(created), AT_ONCE):
                self._create(created[start : start + AT_ONCE])
        return written

    async def delete(self, partition: str, id: str) -> None:
        """Remove the document; no error when there is none. Its size is not known here: it is counted as small."""
        await self._inner.delete(partition, id)
        self._meter.add(self._name, Kind.DELETE, [], self._meter.rates.delete(0))

    async def scan(self, partition: str, *, after: str = "", before: str | None = None) -> AsyncIterator[Document]:
        """Yield the documents of a partition in the order of their ids, from beyond `after` and up to `before`."""
        page: list[Document] = []
        pages = 0
        async for document in self._inner.scan(partition, after=after, before=before):
            page.append(document)
            if len(page) == PAGE:
                self._query(page)
                page, pages = [], pages + 1
            yield document
        if page or not pages:
            self._query(page)

    async def partitions(self) -> AsyncIterator[str]:
        """Yield the name of each partition that holds a document: a query for each, and one that finds no more."""
        async for partition in self._inner.partitions():
            self._query([])
            yield partition
        self._query([])

    def _read(self, found: Sequence[Document]) -> None:
        sizes = [size_of(document) for document in found]
        self._meter.add(self._name, Kind.READ, sizes, self._meter.rates.point_read(sum(sizes)))

    def _query(self, found: Sequence[Document], keys: int = 0) -> None:
        sizes = [size_of(document) for document in found]
        self._meter.add(self._name, Kind.QUERY, sizes, self._meter.rates.found(sizes, keys))

    def _create(self, documents: Sequence[Document]) -> None:
        """Count documents of a partition that are created together: one request, and the charge of each."""
        sizes = [size_of(document) for document in documents]
        self._meter.add(self._name, Kind.INSERT, sizes, sum(map(self._meter.rates.insert, sizes)))

    def _write(self, document: Document, *, lost: bool = False) -> None:
        """Count a write; one that lost is charged all the same, and looks whose the other one was."""
        rates, size = self._meter.rates, size_of(document)
        if document.etag is None:
            self._meter.add(self._name, Kind.INSERT, [] if lost else [size], rates.insert(size))
        else:
            self._meter.add(self._name, Kind.REPLACE, [] if lost else [size], rates.replace(size))
        if lost:
            self._meter.add(self._name, Kind.READ, [size], rates.point_read(size))


def size_of(document: Document) -> int:
    """Return the bytes of a document as Cosmos DB keeps it; see `mti.common.adapters.cosmos`."""
    item: dict[str, object] = {
        "id": document.id,
        "partition": document.partition,
        "body": _text(document.body),
        "write": _TOKEN,
    }
    if document.ttl is not None:
        item["ttl"] = document.ttl
    return len(_text(item).encode()) + SYSTEM_BYTES


def _text(found: object) -> str:
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))
