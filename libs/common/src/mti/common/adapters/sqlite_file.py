"""One SQLite file that several processes read and write at the same time, and that any of them may die over.

WAL lets readers and one writer work side by side (https://www.sqlite.org/wal.html). With `synchronous=NORMAL` a
transaction that was committed survives the death of the process at any instruction; only the loss of power may take the
newest ones back, and never a part of one (https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import UnsupportedOperation
from pathlib import Path
from typing import TypeVar

from mti.common.errors import ConfigurationError, StoreUnavailable

T = TypeVar("T")

Parameter = str | int | float | None
Row = Sequence[Parameter]

LAYOUT_VERSION = 2
"""Of the tables below; kept in the file as `PRAGMA user_version`. 1 had the documents clustered by their key."""

_LAYOUT = (
    # In the order in which they are written. Clustered by the key, whose ids are as good as random, each document of a
    # transaction came to lie on a page of its own, which cost two and a half times as much.
    """CREATE TABLE IF NOT EXISTS documents (
        container TEXT NOT NULL,
        partition TEXT NOT NULL,
        id TEXT NOT NULL,
        version INTEGER NOT NULL,
        ttl INTEGER,
        expires REAL,
        body TEXT NOT NULL,
        PRIMARY KEY (container, partition, id)
    )""",
    "CREATE INDEX IF NOT EXISTS documents_by_expiry ON documents (expires) WHERE expires IS NOT NULL",
    # One counter for all documents: no version is given twice, not even to a document that was removed and made anew.
    "CREATE TABLE IF NOT EXISTS counter (version INTEGER NOT NULL)",
    "INSERT INTO counter SELECT 0 WHERE NOT EXISTS (SELECT * FROM counter)",
    f"PRAGMA user_version = {LAYOUT_VERSION}",
)

_FROM_VERSION_1 = (
    "ALTER TABLE documents RENAME TO documents_1",
    "DROP INDEX documents_by_expiry",
    _LAYOUT[0],
    "INSERT INTO documents SELECT container, partition, id, version, ttl, expires, body FROM documents_1",
    "DROP TABLE documents_1",
    *_LAYOUT[1:],
)

_WAL_BYTES_KEPT = 16 * 1024 * 1024
_WRITER_CACHE_KIB = 4_000
"""Ids are as good as random, so that a transaction writes to pages all over the file."""
_PAGES_UNTIL_CHECKPOINT = 4000
"""Of 4 KiB: a page that several transactions write to goes back into the file once (before, every 1,000)."""
_RETRY_SECONDS = 0.02
_PAGE_BYTES = 8192
"""A row that is larger than a quarter of its page goes to another one, and most documents are larger than 1 KB: with
SQLite's own 4 KB, writing one takes two thirds more of the processor's time."""

_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "another process has held it for too long",
    sqlite3.SQLITE_LOCKED: "another connection has held it for too long",
    sqlite3.SQLITE_PROTOCOL: "other processes kept opening it",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk failed",
    sqlite3.SQLITE_CANTOPEN: "the file can't be opened",
    sqlite3.SQLITE_READONLY: "it can be read and not written; give the process the right to write to the file and its "
    "folder",
    sqlite3.SQLITE_PERM: "the system does not let it be opened",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore it from a copy",
    sqlite3.SQLITE_NOTADB: "the file is damaged, or no database; restore it from a copy",
}


def _primary_code(error: sqlite3.Error) -> int:
    code: int | None = getattr(error, "sqlite_errorcode", None)  # absent when Python's own layer raised it
    return -1 if code is None else code & 0xFF


def _layout_version(connection: sqlite3.Connection) -> int:
    ((version,),) = connection.execute("PRAGMA user_version")
    return int(version)


class SqliteFile:
    """The connections to one file: one that writes, one that reads, each opened when it is first used.

    Each has a thread of its own, which is handed whole pieces of work: a transaction is one, so that a task which is
    cancelled leaves it done or undone, and the way there and back is gone once.

    Args:
        path: the file. Its folder must exist; the file is made when it is missing.
        read_only: never write and never make the file. While there is none, it reads as empty.
        busy_timeout: seconds to wait for another process's transaction.
    """

    def __init__(self, path: Path, *, read_only: bool, busy_timeout: float) -> None:
        self._path = path
        self._read_only = read_only
        self._busy_timeout = busy_timeout
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._threads = {name: ThreadPoolExecutor(1, f"sqlite-{name}") for name in ("writer", "reader")}
        self._closed = False

    async def fetch(self, statement: str, parameters: Sequence[Parameter]) -> list[Row]:
        """Run one SELECT on a snapshot of its own.

        Raises:
            StoreUnavailable: the file could not be read in time.
        """
        if self._reader is None and not self._read_only:
            await self._on("writer", self._open_writer)  # it makes the tables
        return await self._on("reader", lambda: self._fetch(statement, parameters))

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what the work returns, which has the only write transaction on the file.

        It is committed at the end and undone when anything raises. The work runs in a thread of the file's own.

        Raises:
            StoreUnavailable: another process kept the file for longer than the time-out.
            UnsupportedOperation: the file was opened to be read only.
        """
        if self._read_only:
            raise UnsupportedOperation(f"{self._path.name} was opened to be read only")
        return await self._on("writer", lambda: self._transact(work))

    async def close(self) -> None:
        """Close both connections; the last process to do so folds the WAL into the file."""
        if self._closed:
            return
        self._closed = True
        loop = asyncio.get_running_loop()
        for name in ("reader", "writer"):
            await loop.run_in_executor(self._threads[name], self._close, name)
            self._threads[name].shutdown()

    async def _on(self, name: str, work: Callable[[], T]) -> T:
        if self._closed:
            raise RuntimeError(f"{self._path.name} was closed")
        with self._translated():
            return await asyncio.get_running_loop().run_in_executor(self._threads[name], work)

    # Everything below runs in the thread of its connection.

    def _fetch(self, statement: str, parameters: Sequence[Parameter]) -> list[Row]:
        reader = self._open_reader()
        return [] if reader is None else reader.execute(statement, parameters).fetchall()

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        writer = self._open_writer()
        try:
            writer.execute("BEGIN IMMEDIATE")
            done = work(writer)
            writer.execute("COMMIT")
        except BaseException:
            writer.rollback()
            raise
        return done

    def _close(self, name: str) -> None:
        connection = self._reader if name == "reader" else self._writer
        if connection is not None:
            connection.close()

    def _open_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = self._connect(self._prepare_writer)
        return self._writer

    def _open_reader(self) -> sqlite3.Connection | None:
        if self._reader is None and (not self._read_only or self._path.exists()):
            reader = self._connect(self._prepare_reader)
            if _layout_version(reader) == 0:  # another process is about to make the tables
                reader.close()
            else:
                self._reader = reader
        return self._reader

    def _connect(self, prepare: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
        address = f"{self._path.resolve().as_uri()}?mode={'ro' if self._read_only else 'rwc'}"
        connection = sqlite3.connect(address, uri=True, timeout=self._busy_timeout, isolation_level=None)
        try:
            prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare_writer(self, writer: sqlite3.Connection) -> None:
        writer.execute(f"PRAGMA page_size = {_PAGE_BYTES}")  # of a file that is made now
        self._enter_wal(writer)
        writer.execute("PRAGMA synchronous = NORMAL")
        writer.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_KEPT}")
        writer.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_UNTIL_CHECKPOINT}")
        writer.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
        if self._checked_layout_version(writer) == LAYOUT_VERSION:
            return
        writer.execute("BEGIN IMMEDIATE")
        for statement in {0: _LAYOUT, 1: _FROM_VERSION_1}.get(_layout_version(writer), ()):
            writer.execute(statement)
        writer.execute("COMMIT")

    def _prepare_reader(self, reader: sqlite3.Connection) -> None:
        reader.execute("PRAGMA query_only = ON")
        self._checked_layout_version(reader)

    def _enter_wal(self, writer: sqlite3.Connection) -> None:
        """Turn WAL on. SQLite does not wait by itself when several processes do so on a new file at once."""
        until = time.monotonic() + self._busy_timeout
        while (mode := self._try_wal(writer)) is None:
            if time.monotonic() > until:
                raise StoreUnavailable(f"{self._path.name}: {_UNAVAILABLE[sqlite3.SQLITE_BUSY]}")
            time.sleep(_RETRY_SECONDS)
        if mode != "wal":
            raise ConfigurationError(
                f"{self._path.name} lies on a file system without shared memory: move it to a local disk"
            )

    def _try_wal(self, writer: sqlite3.Connection) -> str | None:
        try:
            ((mode,),) = writer.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _primary_code(error) != sqlite3.SQLITE_BUSY:
                raise
            return None
        return str(mode)

    def _checked_layout_version(self, connection: sqlite3.Connection) -> int:
        version = _layout_version(connection)
        if version > LAYOUT_VERSION:
            raise ConfigurationError(f"{self._path.name} was written by a newer release: run that one")
        return version

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.ProgrammingError):
                raise
            why = _UNAVAILABLE.get(_primary_code(error), f"SQLite failed with {error}")
            raise StoreUnavailable(f"{self._path.name}: {why}") from error
