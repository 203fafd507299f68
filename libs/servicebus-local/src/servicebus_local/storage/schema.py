"""The tables, and how the database is opened.

Write-ahead log with synchronous=NORMAL: a committed transaction is in the kernel's hands, so it survives `kill -9` of
the process; after a power cut the last transactions may be missing, but the database is sound (https://sqlite.org/pragma.html#pragma_synchronous).
Bodies stand apart from the rest, since SQLite rewrites a whole row on each update and a delivery count changes often.
"""

import sqlite3
from pathlib import Path

SCHEMA_VERSION = 3

_TABLES = """
CREATE TABLE queues(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, next_sequence INTEGER NOT NULL);
CREATE TABLE messages(
    id INTEGER PRIMARY KEY,
    body INTEGER NOT NULL,
    session_id TEXT,
    state INTEGER NOT NULL,
    delivery_count INTEGER NOT NULL,
    enqueued_at INTEGER NOT NULL,
    ttl INTEGER,
    expires_at INTEGER,
    due_at INTEGER,
    reason TEXT,
    description TEXT,
    source TEXT
);
CREATE TABLE bodies(id INTEGER PRIMARY KEY, annotations BLOB NOT NULL, bare BLOB NOT NULL);
CREATE TABLE history(
    queue INTEGER NOT NULL, message_id TEXT NOT NULL, seen_at INTEGER NOT NULL, PRIMARY KEY(queue, message_id)
) WITHOUT ROWID;
CREATE TABLE session_states(
    queue INTEGER NOT NULL, session_id TEXT NOT NULL, state BLOB NOT NULL, PRIMARY KEY(queue, session_id)
) WITHOUT ROWID;
"""

_CHANGES = {
    1: """
ALTER TABLE session_states ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
UPDATE messages SET size=coalesce(
    (SELECT length(annotations)+length(bare) FROM bodies WHERE bodies.id=messages.body), 0
);
CREATE TABLE entities(path TEXT PRIMARY KEY, document TEXT NOT NULL);
""",
    2: "CREATE TABLE journal(generation INTEGER NOT NULL); INSERT INTO journal VALUES(0);",
}
"""What each version lacks to be the next one."""

_SEQUENCE_BITS = 40
_PATIENCE_SECONDS = 0.5
"""For a stranger who writes to the file; the lock on the data folder keeps other namespaces away."""


def message_key(queue: int, sequence: int) -> int:
    """The primary key of a message: a queue's messages lie together, in the order of their sequence numbers."""
    return queue << _SEQUENCE_BITS | sequence


def sequence_of(key: int) -> int:
    """The sequence number in a primary key."""
    return key & (1 << _SEQUENCE_BITS) - 1


def open_database(path: Path) -> sqlite3.Connection:
    """Open or create the database. Raises `sqlite3.DatabaseError` for another version, or no database at all."""
    connection = sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None)
    connection.executescript(
        "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        "PRAGMA cache_size=-32768; PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=33554432;"
    )
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        connection.close()
        raise sqlite3.DatabaseError(f"{path} has schema version {version}, this namespace reads {SCHEMA_VERSION}")
    if version == 0:
        connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version=1; COMMIT;")
    for step in range(max(1, version), SCHEMA_VERSION):
        connection.executescript(f"BEGIN; {_CHANGES[step]} PRAGMA user_version={step + 1}; COMMIT;")
    return connection
