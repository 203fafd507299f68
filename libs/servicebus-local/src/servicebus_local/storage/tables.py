"""The tables: what they hold is read here, and taken in from the journal in long transactions."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from servicebus_local.record import Body, DeadLetter, MessageRecord, State
from servicebus_local.storage.batch import WriteBatch
from servicebus_local.storage.merging import merged
from servicebus_local.storage.schema import message_key, open_database, sequence_of

_VACUUM_ABOVE_PAGES = 256
_VACUUM_STEP_PAGES = 4096


class QueueRow(NamedTuple):
    """A queue's identity in the storage."""

    id: int
    next_sequence: int


class Tables:
    """One database file. Methods raise `sqlite3.Error`."""

    def __init__(self, path: Path) -> None:
        self._connection = open_database(path)
        self._vacuumed = False
        self._next_queue = self._last("queues") + 1

    @property
    def generation(self) -> int:
        """The last one of the journal that the tables have."""
        (generation,) = self._connection.execute("SELECT generation FROM journal").fetchone()
        return int(generation)

    @property
    def last_body(self) -> int:
        """The highest key of a body."""
        return self._last("bodies")

    def take_in(self, batches: Sequence[WriteBatch], generation: int) -> None:
        """Write all batches of a generation, or none."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for batch in merged(batches):
                batch.apply(self._connection)
            self._connection.execute("UPDATE journal SET generation=?", (generation,))
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def reclaim(self) -> None:
        """Give space of deleted messages back to the file system, a step at a time."""
        (free,) = self._connection.execute("PRAGMA freelist_count").fetchone()
        if free > _VACUUM_ABOVE_PAGES:
            self._connection.executescript(
                f"PRAGMA incremental_vacuum({_VACUUM_STEP_PAGES})"
            )  # `execute` frees one page
            self._vacuumed = True
        elif self._vacuumed:  # the file shrinks when the write-ahead log is copied into it
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._vacuumed = False

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _last(self, table: str) -> int:
        (last,) = self._connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()  # noqa: S608 - our own names
        return int(last)

    # -- reads

    def queue(self, path: str) -> QueueRow:
        """The identity of the queue of that path, which is created when new."""
        query = "SELECT id, next_sequence FROM queues WHERE path=?"
        row = self._connection.execute(query, (path,)).fetchone()
        if row is None:  # never the id of a queue that this process deleted: a late write may still name that
            row = self._next_queue, 1
            self._connection.execute("INSERT INTO queues(id, path, next_sequence) VALUES(?,?,?)", (row[0], path, 1))
            self._next_queue += 1
        return QueueRow(*row)

    def entities(self) -> list[tuple[str, str]]:
        """What was recorded of entities: paths and documents."""
        return list(self._connection.execute("SELECT path, document FROM entities"))

    def messages(self, queue: int) -> Iterator[MessageRecord]:
        """All messages of a queue, by sequence number."""
        rows = self._connection.execute(
            "SELECT id, body, session_id, state, delivery_count, enqueued_at, ttl, expires_at, due_at, reason,"
            " description, source, size FROM messages WHERE id>=? AND id<? ORDER BY id",
            (message_key(queue, 0), message_key(queue + 1, 0)),
        )
        for key, body, session_id, state, count, enqueued, ttl, expires, due, reason, description, source, size in rows:
            dead_letter = DeadLetter(reason, description, source) if source is not None else None
            yield MessageRecord(
                sequence_of(key),
                body,
                session_id,
                State(state),
                count,
                enqueued,
                ttl,
                expires,
                due,
                size,
                dead_letter,
                state == State.DEFERRED,
            )

    def body(self, key: int) -> Body:
        """The body of a message."""
        return Body(*self._connection.execute("SELECT annotations, bare FROM bodies WHERE id=?", (key,)).fetchone())

    def sequences(self, queue: int, start: int, limit: int, session_id: str | None) -> list[int]:
        """The first sequence numbers from `start` on, of one session or of all."""
        only = "" if session_id is None else " AND session_id=?"
        parameters = (message_key(queue, start), message_key(queue + 1, 0), *([session_id] if only else []), limit)
        query = f"SELECT id FROM messages WHERE id>=? AND id<?{only} ORDER BY id LIMIT ?"  # noqa: S608 - no outside text
        return [sequence_of(key) for (key,) in self._connection.execute(query, parameters)]

    def history(self, queue: int) -> list[tuple[str, int]]:
        """MessageIds that were seen, with their times, oldest first."""
        query = "SELECT message_id, seen_at FROM history WHERE queue=? ORDER BY seen_at"
        return list(self._connection.execute(query, (queue,)))

    def session_state(self, queue: int, session_id: str) -> bytes | None:
        """The state that was last set for a session."""
        query = "SELECT state FROM session_states WHERE queue=? AND session_id=?"
        row = self._connection.execute(query, (queue, session_id)).fetchone()
        return row[0] if row else None

    def session_states(self, queue: int, since: int) -> list[str]:
        """The sessions whose states were set after a time."""
        query = "SELECT session_id FROM session_states WHERE queue=? AND updated_at>?"
        return [session_id for (session_id,) in self._connection.execute(query, (queue, since))]
