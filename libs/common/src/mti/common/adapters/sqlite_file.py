"""One SQLite file that several processes read and write at the same time, and that any of them may die over.

WAL lets readers and one writer work side by side (https://www.sqlite.org/wal.html). With `synchronous=NORMAL` a
transaction that was committed survives the death of the process at any instruction; only the loss of power may take the
newest ones back, and never a part of one (https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from io import UnsupportedOperation
from pathlib import Path

import aiosqlite

from mti.common.errors import ConfigurationError, StoreUnavailable

Parameter = str | int | float | None
Row = Sequence[Parameter]

LAYOUT_VERSION = 1
"""Of the tables below; kept in the file as `PRAGMA user_version`."""

_LAYOUT = (
    # Clustered by the key: a page of a scan and the ids of one partition lie side by side.
    """CREATE TABLE IF NOT EXISTS documents (
        container TEXT NOT NULL,
        partition TEXT NOT NULL,
        id TEXT NOT NULL,
        version INTEGER NOT NULL,
        ttl INTEGER,
        expires REAL,
        body TEXT NOT NULL,
        PRIMARY KEY (container, partition, id)
    ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS documents_by_expiry ON documents (expires) WHERE expires IS NOT NULL",
    # One counter for all documents: no version is given twice, not even to a document that was removed and made anew.
    "CREATE TABLE IF NOT EXISTS counter (version INTEGER NOT NULL)",
    "INSERT INTO counter SELECT 0 WHERE NOT EXISTS (SELECT * FROM counter)",
    f"PRAGMA user_version = {LAYOUT_VERSION}",
)

_WAL_BYTES_KEPT = 16 * 1024 * 1024
_RETRY_SECONDS = 0.02

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


async def _layout_version(connection: aiosqlite.Connection) -> int:
    ((version,),) = await connection.execute_fetchall("PRAGMA user_version")
    return int(version)


class SqliteFile:
    """The connections to one file: one that writes, one that reads, each opened when it is first used.

    Args:
        path: the file. Its folder must exist; the file is made when it is missing.
        read_only: never write and never make the file. While there is none, it reads as empty.
        busy_timeout: seconds to wait for another process's transaction.
    """

    def __init__(self, path: Path, *, read_only: bool, busy_timeout: float) -> None:
        self._path = path
        self._read_only = read_only
        self._busy_timeout = busy_timeout
        self._writer: aiosqlite.Connection | None = None
        self._reader: aiosqlite.Connection | None = None
        self._opening = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._closed = False

    async def fetch(self, statement: str, parameters: Sequence[Parameter]) -> list[Row]:
        """Run one SELECT on a snapshot of its own.

        Raises:
            StoreUnavailable: the file could not be read in time.
        """
        with self._translated():
            reader = await self._open_reader()
            if reader is None:
                return []
            return list(await reader.execute_fetchall(statement, parameters))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        """Hold the only write transaction on the file; it is committed at the end and undone when anything raises.

        Raises:
            StoreUnavailable: another process kept the file for longer than the time-out.
            UnsupportedOperation: the file was opened to be read only.
        """
        if self._read_only:
            raise UnsupportedOperation(f"{self._path.name} was opened to be read only")
        async with self._writing:
            with self._translated():
                writer = await self._open_writer()
                # The connection's thread works off its queue in order, so that a rollback follows whatever a cancelled
                # task had still asked for.
                try:
                    await writer.execute_fetchall("BEGIN IMMEDIATE")
                    yield writer
                    await writer.commit()
                except BaseException:
                    await writer.rollback()
                    raise

    async def close(self) -> None:
        """Close both connections; the last process to do so folds the WAL into the file."""
        async with self._writing, self._opening:
            self._closed = True
            opened = [connection for connection in (self._reader, self._writer) if connection is not None]
            self._reader = self._writer = None
            for connection in opened:
                await connection.close()

    async def _open_writer(self) -> aiosqlite.Connection:
        async with self._opening:
            if self._writer is None:
                self._writer = await self._connect(self._prepare_writer)
            return self._writer

    async def _open_reader(self) -> aiosqlite.Connection | None:
        if self._reader is None and not self._read_only:
            await self._open_writer()  # it makes the tables
        async with self._opening:
            if self._reader is None and (not self._read_only or self._path.exists()):
                reader = await self._connect(self._prepare_reader)
                if await _layout_version(reader) == 0:  # another process is about to make the tables
                    await reader.close()
                else:
                    self._reader = reader
            return self._reader

    async def _connect(self, prepare: Callable[[aiosqlite.Connection], Awaitable[None]]) -> aiosqlite.Connection:
        if self._closed:
            raise RuntimeError(f"{self._path.name} was closed")
        address = f"{self._path.resolve().as_uri()}?mode={'ro' if self._read_only else 'rwc'}"
        connection = aiosqlite.connect(address, uri=True, timeout=self._busy_timeout, isolation_level=None)
        thread = connection._thread  # noqa: SLF001 (there is no public way to it)
        # A process that fails before it closes the store has to end all the same, and what it leaves is whole.
        thread.daemon = True
        try:
            await connection
        except BaseException:
            await asyncio.to_thread(thread.join)  # it was told to end, and must do so before the event loop does
            raise
        try:
            await prepare(connection)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _prepare_writer(self, writer: aiosqlite.Connection) -> None:
        await self._enter_wal(writer)
        await writer.execute_fetchall("PRAGMA synchronous = NORMAL")
        await writer.execute_fetchall(f"PRAGMA journal_size_limit = {_WAL_BYTES_KEPT}")
        if await self._checked_layout_version(writer) == LAYOUT_VERSION:
            return
        await writer.execute_fetchall("BEGIN IMMEDIATE")
        for statement in _LAYOUT:
            await writer.execute_fetchall(statement)
        await writer.commit()

    async def _prepare_reader(self, reader: aiosqlite.Connection) -> None:
        await reader.execute_fetchall("PRAGMA query_only = ON")
        await self._checked_layout_version(reader)

    async def _enter_wal(self, writer: aiosqlite.Connection) -> None:
        """Turn WAL on. SQLite does not wait by itself when several processes do so on a new file at once."""
        try:
            async with asyncio.timeout(self._busy_timeout):
                mode = await self._try_wal(writer)
                while mode is None:
                    await asyncio.sleep(_RETRY_SECONDS)
                    mode = await self._try_wal(writer)
        except TimeoutError:
            raise StoreUnavailable(f"{self._path.name}: {_UNAVAILABLE[sqlite3.SQLITE_BUSY]}") from None
        if mode != "wal":
            raise ConfigurationError(
                f"{self._path.name} lies on a file system without shared memory: move it to a local disk"
            )

    async def _try_wal(self, writer: aiosqlite.Connection) -> str | None:
        try:
            ((mode,),) = await writer.execute_fetchall("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _primary_code(error) != sqlite3.SQLITE_BUSY:
                raise
            return None
        return str(mode)

    async def _checked_layout_version(self, connection: aiosqlite.Connection) -> int:
        version = await _layout_version(connection)
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
