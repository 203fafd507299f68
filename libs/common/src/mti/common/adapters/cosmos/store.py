"""The store and its containers, by azure-cosmos."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.credentials_async import AsyncTokenCredential
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from mti.common.adapters.cosmos.absence import Doubts, is_absent, substatus_of
from mti.common.adapters.cosmos.charges import charged
from mti.common.adapters.cosmos.containers import CONTAINERS
from mti.common.adapters.cosmos.database import CosmosDatabase
from mti.common.adapters.cosmos.ids import decode_id, encode_id
from mti.common.adapters.cosmos.together import batches_of, created_together
from mti.common.adapters.store_documents import keyed, text_of
from mti.common.errors import StoreUnavailable, WriteConflict
from mti.common.logs import redaction
from mti.common.ports.store import Document, Key

T = TypeVar("T")

CONCURRENCY = 32
"""Writes at the same time; 429 answers grow with it, the rate hardly does."""
PAGE_SIZE = 100
"""Documents that a scan holds in memory."""
CONNECT_SECONDS = 5
READ_SECONDS = 20
THROTTLED_SECONDS = 20
"""How long the SDK goes on by itself with a request that is answered 429."""

_WRITE = "write"
"""The property that tells one write from every other."""
_PAGE = "SELECT * FROM c WHERE c.partition = @partition AND c.id > @after ORDER BY c.id"
_PAGE_BEFORE = _PAGE.replace("ORDER BY", "AND c.id < @before ORDER BY")
# A seek in the index for each partition; DISTINCT would read the whole of it, each document being an entry.
_NEXT_PARTITION = "SELECT TOP 1 c.partition FROM c WHERE c.partition > @partition ORDER BY c.partition"


class CosmosStore:
    """A store in one Cosmos DB database.

    With session consistency a process sees its own writes at once and those of others a little later; what
    compare-and-set decides is the same for all.

    Args:
        client: the store opens it when it is first used, and closes it.
        database: the name of the database.
        create: make the database and the containers that are missing; else they have to be deployed.
        concurrency: writes at the same time.
    """

    def __init__(
        self, client: CosmosClient, database: str, *, create: bool = False, concurrency: int = CONCURRENCY
    ) -> None:
        self._database = CosmosDatabase(client, database, create=create, concurrency=concurrency)

    @classmethod
    def open(
        cls,
        endpoint: str,
        credential: str | AsyncTokenCredential,
        database: str,
        *,
        create: bool = False,
        concurrency: int = CONCURRENCY,
    ) -> "CosmosStore":
        """Return a store that connects when it is first used.

        Args:
            endpoint: `https://{account}.documents.azure.com/`.
            credential: an identity, which the caller closes, or the account's key.
            database: the name of the database.
            create: make the database and the containers that are missing; else they have to be deployed.
            concurrency: writes at the same time.
        """
        if isinstance(credential, str):
            redaction.add(credential)
        client = CosmosClient(
            endpoint,
            credential,
            connection_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retry_throttle_backoff_max=THROTTLED_SECONDS,
            raw_response_hook=charged,
        )
        return cls(client, database, create=create, concurrency=concurrency)

    def container(self, name: str) -> "CosmosContainer":
        """Return the container of that name.

        Raises:
            ValueError: `CONTAINERS` does not say how it is made.
        """
        if name not in CONTAINERS:
            raise ValueError(f"{name!r} is not one of the containers {', '.join(CONTAINERS)}")
        return CosmosContainer(name, self._database)

    async def close(self) -> None:
        """Close the client."""
        await self._database.close()


class CosmosContainer:
    """One container's documents; made by `CosmosStore.container`."""

    def __init__(self, name: str, database: CosmosDatabase) -> None:
        self._name = name
        self._database = database

    async def read(self, partition: str, id: str) -> Document | None:
        """Return the document or `None`, by a point read."""
        container = await self._database.container(self._name)
        with self._database.translated():
            try:
                return _document(await container.read_item(encode_id(id), partition))
            except CosmosResourceNotFoundError as error:
                if not is_absent(error):
                    raise
                return None

    async def read_many(self, partition: str, ids: Sequence[str]) -> dict[str, Document]:
        """Return those of the ids that exist, by id."""
        return {id: found for (_, id), found in (await self.read_each([(partition, id) for id in ids])).items()}

    async def read_each(self, keys: Sequence[Key]) -> dict[Key, Document]:
        """Return those that exist of the documents with these keys, by key.

        The SDK makes one query for up to 1,000 keys of the same physical partition, however many partition keys they
        have, and five at a time (`ReadItemsHelperAsync` in azure-cosmos,
        https://learn.microsoft.com/python/api/azure-cosmos/azure.cosmos.aio.containerproxy).
        """
        if not keys:
            return {}
        container = await self._database.container(self._name)
        asked, doubts = [(encode_id(id), partition) for partition, id in dict.fromkeys(keys)], Doubts()
        with self._database.translated():
            items = await container.read_items(asked, raw_response_hook=doubts)
        if doubts.substatus and len(items) < len(asked):
            raise self._database.doubtful(doubts.substatus)
        return {(document.partition, document.id): document for document in map(_document, items)}

    async def write(self, document: Document) -> Document:
        """Create or replace the document, if it is still the version that was read.

        Raises:
            WriteConflict: it exists already, or it changed or was removed since it was read.
        """
        keyed([document])
        written = await self._write(await self._database.container(self._name), _item(document), document.etag)
        if written is None:
            raise WriteConflict(f"{self._name}: {document.id} of {document.partition} is not what was read")
        return written

    async def write_many(self, documents: Sequence[Document]) -> list[Document | None]:
        """Write each as `write` does, a bounded number at a time; `None` where it lost the race.

        New ones of the same partition are created together (`together`). The first that fails ends the rest: some are
        written then, and others are not.
        """
        keyed(documents)
        container = await self._database.container(self._name)
        items = [(_item(document), document.etag) for document in documents]
        created = await _all(self._create(container, batch) for batch in batches_of(items))
        written: dict[str, Document | None] = {token: document for found in created for token, document in found}
        alone = [(item, etag) for item, etag in items if item[_WRITE] not in written]
        results = await _all(self._write(container, item, etag) for item, etag in alone)
        written |= {item[_WRITE]: result for (item, _), result in zip(alone, results, strict=True)}
        return [written[item[_WRITE]] for item, _ in items]

    async def delete(self, partition: str, id: str) -> None:
        """Remove the document; no error when there is none."""
        container = await self._database.container(self._name)
        with self._database.translated():
            try:
                await container.delete_item(encode_id(id), partition)
            except CosmosResourceNotFoundError as error:
                if not is_absent(error):
                    raise

    async def scan(self, partition: str, *, after: str = "", before: str | None = None) -> AsyncIterator[Document]:
        """Yield the documents of a partition in the order of their ids, from beyond `after` and up to `before`."""
        container = await self._database.container(self._name)
        parameters: list[dict[str, object]] = [
            {"name": "@partition", "value": partition},
            {"name": "@after", "value": encode_id(after)},
        ]
        if before is not None:
            parameters.append({"name": "@before", "value": encode_id(before)})
        items = container.query_items(
            _PAGE if before is None else _PAGE_BEFORE,
            parameters=parameters,
            partition_key=partition,
            max_item_count=PAGE_SIZE,
        )
        with self._database.translated():
            async for item in items:
                yield _document(item)

    async def partitions(self) -> AsyncIterator[str]:
        """Yield the name of each partition that holds a document, once."""
        container = await self._database.container(self._name)
        partition: str | None = ""
        while partition is not None:
            rows = container.query_items(_NEXT_PARTITION, parameters=[{"name": "@partition", "value": partition}])
            with self._database.translated():
                partition = next(iter([row["partition"] async for row in rows]), None)
            if partition is not None:
                yield partition

    async def _create(self, container: ContainerProxy, items: Sequence[dict[str, Any]]) -> list[tuple[str, Document]]:
        """Return what was created together, by the writes' tokens; nothing where each is to be written by itself."""
        async with self._database.writes:
            with self._database.translated():
                found = await created_together(container, items)
        return [(item[_WRITE], _document(item)) for item in found or ()]

    async def _write(self, container: ContainerProxy, item: dict[str, Any], etag: str | None) -> Document | None:
        """Return the document as it was written, or `None` when it lost the race."""
        async with self._database.writes:
            with self._database.translated():
                try:
                    if etag is None:
                        return _document(await container.create_item(item))
                    return _document(
                        await container.replace_item(
                            item["id"], item, etag=etag, match_condition=MatchConditions.IfNotModified
                        )
                    )
                except CosmosAccessConditionFailedError:
                    return await _own(container, item)
                except CosmosResourceExistsError as error:
                    if substatus_of(error):
                        raise
                    return await _own(container, item)
                except CosmosResourceNotFoundError as error:
                    if not is_absent(error):
                        raise
                    return None


async def _all(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Return what all of them return, in order; the first that fails ends the rest.

    Raises:
        StoreUnavailable: what that one raised.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except* StoreUnavailable as failures:
        failure = failures.exceptions[0]
    else:
        return [task.result() for task in tasks]
    raise failure


async def _own(container: ContainerProxy, item: Mapping[str, Any]) -> Document | None:
    """Return what is there if it is what this very write wrote, else `None`.

    The SDK sends a request again whose answer was lost (`_ConnectionRetryPolicy` in azure-cosmos), and is then told of
    a conflict with itself.
    """
    try:
        found = await container.read_item(item["id"], item["partition"])
    except CosmosResourceNotFoundError as error:
        if not is_absent(error):
            raise
        return None
    return _document(found) if found.get(_WRITE) == item[_WRITE] else None


def _item(document: Document) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": encode_id(document.id),
        "partition": document.partition,
        "body": text_of(document),
        _WRITE: secrets.token_hex(8),
    }
    if document.ttl is not None:
        item["ttl"] = document.ttl
    return item


def _document(item: Mapping[str, Any]) -> Document:
    return Document(
        partition=item["partition"],
        id=decode_id(item["id"]),
        text=item["body"].encode(),
        etag=item["_etag"],
        ttl=item.get("ttl"),
    )
