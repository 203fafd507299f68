"""The store on SQLite: one file a service, for the embedded run and for tests.

A document's etag is a number that only ever grows in the file. Documents whose time to live has passed are treated as
absent at once and removed, some at a time, by later writes.
"""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import cast

import orjson

from mti.common.adapters.sqlite_file import Row, SqliteFile
from mti.common.adapters.store_documents import SeveralAtATime, keyed, text_of
from mti.common.ports.clock import Clock, SystemClock
from mti.common.ports.store import Document, Key

BUSY_TIMEOUT_SECONDS = 10.0
PAGE_SIZE = 500
"""Documents that a scan holds in memory."""
PURGE_SECONDS = 60.0
"""Between two looks for expired documents."""
PURGE_SIZE = 500
"""Expired documents that one write removes beside its own work, at most."""

_READ_EACH = """
    SELECT found.partition, found.id, found.version, found.ttl, found.body
    FROM json_each(?) AS wanted CROSS JOIN documents AS found
    ON found.container = ? AND found.partition = json_extract(wanted.value, '$[0]')
    AND found.id = json_extract(wanted.value, '$[1]')
    WHERE found.expires IS NULL OR found.expires > ?"""
_PAGE = """
    SELECT partition, id, version, ttl, body FROM documents
    WHERE container = ? AND partition = ? AND id > ? AND (expires IS NULL OR expires > ?)
    ORDER BY id LIMIT ?"""
_PAGE_BEFORE = _PAGE.replace("AND id > ?", "AND id > ? AND id < ?")
_PARTITIONS = """
    WITH RECURSIVE named (partition) AS (
        VALUES (?2)
        UNION ALL
        SELECT (
            SELECT found.partition FROM documents AS found
            WHERE found.container = ?1 AND found.partition > named.partition
            AND (found.expires IS NULL OR found.expires > ?3)
            ORDER BY found.partition LIMIT 1
        ) FROM named WHERE named.partition IS NOT NULL LIMIT ?4 + 1
    )
    SELECT partition FROM named WHERE partition > ?2"""
"""A seek in the index for each partition, and not a read of every document."""
_VERSIONS = """
    SELECT found.partition, found.id, found.version
    FROM json_each(?) AS wanted CROSS JOIN documents AS found
    ON found.container = ? AND found.partition = json_extract(wanted.value, '$[0]')
    AND found.id = json_extract(wanted.value, '$[1]')
    WHERE found.expires IS NULL OR found.expires > ?"""
_REPLACE = """
    INSERT OR REPLACE INTO documents (container, partition, id, version, ttl, expires, body)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""
_DELETE = "DELETE FROM documents WHERE container = ? AND partition = ? AND id = ?"
_PURGE = """
    DELETE FROM documents WHERE (container, partition, id) IN
    (SELECT container, partition, id FROM documents WHERE expires <= ? LIMIT ?)"""


class SqliteStore:
    """A store in one file, which any number of processes may have open.

    Args:
        path: the file. Its folder must exist; the file is made when it is first used.
        read_only: for an operator's look at a file that services may be writing. A file that is not there yet reads as
            empty; a write raises `io.UnsupportedOperation`.
        busy_timeout: seconds to wait for another process before `StoreUnavailable`.
        clock: what times to live are measured with.
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        busy_timeout: float = BUSY_TIMEOUT_SECONDS,
        clock: Clock | None = None,
    ) -> None:
        self._file = SqliteFile(path, read_only=read_only, busy_timeout=busy_timeout)
        self._clock = clock or SystemClock()
        self._purge = Purge()

    def container(self, name: str) -> "SqliteContainer":
        """Return the documents that are kept under that name."""
        return SqliteContainer(name, self._file, self._clock, self._purge)

    async def close(self) -> None:
        """Close the file. The store can't be used any more."""
        await self._file.close()


class SqliteContainer(SeveralAtATime):
    """One container's documents; made by `SqliteStore.container`."""

    def __init__(self, name: str, file: SqliteFile, clock: Clock, purge: "Purge") -> None:
        super().__init__(name)
        self._file = file
        self._clock = clock
        self._purge = purge

    async def read_each(self, keys: Sequence[Key]) -> dict[Key, Document]:
        """Return those that exist of the documents with these keys, by key, all of one moment."""
        if not keys:
            return {}
        wanted = orjson.dumps(list(dict.fromkeys(keys))).decode()
        rows = await self._file.fetch(_READ_EACH, (wanted, self._name, self._now()))
        return {(document.partition, document.id): document for document in map(_document, rows)}

    async def write_many(self, documents: Sequence[Document]) -> list[Document | None]:
        """Write each as `write` does, in one transaction; `None` where it lost the race."""
        keyed(documents)
        if not documents:
            return []
        return await self._file.transact(lambda connection: self._write(connection, documents, self._now()))

    async def delete(self, partition: str, id: str) -> None:
        """Remove the document; no error when there is none."""
        await self._file.transact(lambda connection: connection.execute(_DELETE, (self._name, partition, id)))

    async def scan(self, partition: str, *, after: str = "", before: str | None = None) -> AsyncIterator[Document]:
        """Yield the documents of a partition in the order of their ids, from beyond `after` and up to `before`."""
        statement, bound = (_PAGE, ()) if before is None else (_PAGE_BEFORE, (before,))
        while True:
            where = (self._name, partition, after, *bound)
            rows = await self._file.fetch(statement, (*where, self._now(), PAGE_SIZE))
            for row in rows:
                document = _document(row)
                yield document
                after = document.id
            if len(rows) < PAGE_SIZE:
                return

    async def partitions(self) -> AsyncIterator[str]:
        """Yield the name of each partition that holds a document, once, in order."""
        partition = ""
        while rows := await self._file.fetch(_PARTITIONS, (self._name, partition, self._now(), PAGE_SIZE)):
            for (name,) in rows:
                partition = str(name)
                yield partition

    def _write(
        self, connection: sqlite3.Connection, documents: Sequence[Document], now: float
    ) -> list[Document | None]:
        current = self._versions(connection, documents, now)
        ((version,),) = connection.execute("SELECT version FROM counter")
        written = _decide(documents, current, int(version))
        kept = [document for document in written if document is not None]
        kept.sort(key=lambda document: (document.partition, document.id))  # side by side, as they lie in the file
        rows = [_row(self._name, document, now) for document in kept]
        connection.executemany(_REPLACE, rows)
        connection.execute("UPDATE counter SET version = version + ?", (len(rows),))
        self._purge.run(connection, now)
        return written

    def _versions(self, connection: sqlite3.Connection, documents: Sequence[Document], now: float) -> dict[Key, int]:
        keys = orjson.dumps([(document.partition, document.id) for document in documents]).decode()
        rows = connection.execute(_VERSIONS, (keys, self._name, now))
        return {(partition, id): version for partition, id, version in rows}

    def _now(self) -> float:
        return self._clock.now().timestamp()


class Purge:
    """Removes what has expired, a bounded number at a time, inside the transactions of others."""

    def __init__(self) -> None:
        self._next = 0.0

    def run(self, connection: sqlite3.Connection, now: float) -> None:
        """Remove some expired documents when it is time to; go on with the next write when there were too many."""
        if now < self._next:
            return
        removed = connection.execute(_PURGE, (now, PURGE_SIZE)).rowcount
        if removed < PURGE_SIZE:
            self._next = now + PURGE_SECONDS


def _decide(documents: Sequence[Document], current: dict[Key, int], version: int) -> list[Document | None]:
    """Return each document as it will be stored, with versions beyond the one given, or `None` where it lost."""
    written: list[Document | None] = []
    for document in documents:
        found = current.get((document.partition, document.id))
        if document.etag != (None if found is None else str(found)):
            written.append(None)
            continue
        version += 1
        written.append(document.with_etag(str(version)))
    return written


def _row(container: str, document: Document, now: float) -> Row:
    expires = None if document.ttl is None else now + document.ttl
    version = int(document.etag or 0)
    return (container, document.partition, document.id, version, document.ttl, expires, text_of(document))


def _document(row: Row) -> Document:
    partition, id, version, ttl, body = cast("tuple[str, str, int, int | None, str]", row)
    return Document(partition=partition, id=id, text=body.encode(), etag=str(version), ttl=ttl)
