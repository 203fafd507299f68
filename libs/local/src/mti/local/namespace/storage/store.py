"""The store: reads at once, writes in group commits.

All SQLite work happens on the event loop's thread. A commit in the write-ahead log costs some tens of microseconds, and
a hop to a thread and back costs more. Writes gather until the loop has handled all input it has at hand, then go into
one transaction; who wrote is told after its commit (`then`), and only then does the broker change its memory or answer.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from mti.local.namespace.errors import StorageFailed
from mti.local.namespace.record import Body, DeadLetter, MessageRecord, State
from mti.local.namespace.storage.batch import WriteBatch
from mti.local.namespace.storage.bodies import RecentBodies
from mti.local.namespace.storage.schema import message_key, open_database, sequence_of

LOG = logging.getLogger(__name__)
_VACUUM_ABOVE_PAGES = 256
_VACUUM_STEP_PAGES = 4096

Outcome = StorageFailed | None
"""None: the writes are durable. Else: they were undone."""
Callback = Callable[[Outcome], None]


class QueueRow(NamedTuple):
    """A queue's identity in the storage."""

    id: int
    next_sequence: int


class Store:
    """One database file. Not thread-safe; `defer` runs a function soon after the present work (`loop.call_soon`)."""

    def __init__(self, path: Path, defer: Callable[[Callable[[], None]], object]) -> None:
        self._connection = open_database(path)
        self._defer = defer
        self._batch = WriteBatch()
        self._callbacks: list[Callback] = []
        self._recent = RecentBodies()
        self._scheduled = False
        self._vacuumed = False
        self.after_commit: Callable[[], None] = lambda: None
        """Runs after the callbacks of each commit."""
        (last_body,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM bodies").fetchone()
        self._next_body: int = last_body + 1
        (last_queue,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM queues").fetchone()
        self._next_queue: int = last_queue + 1

    # -- writes

    @property
    def writes(self) -> WriteBatch:
        """The transaction that is being gathered."""
        if not self._scheduled:
            self._scheduled = True
            self._defer(self.commit)
        return self._batch

    def then(self, callback: Callback) -> None:
        """Call back once everything written so far is durable, or undone."""
        if not self._scheduled:
            self._scheduled = True
            self._defer(self.commit)
        self._callbacks.append(callback)

    def new_body(self) -> int:
        """A key for a body that will be inserted."""
        self._next_body += 1
        return self._next_body - 1

    def commit(self) -> None:
        """Commit what was gathered, and tell those who wait."""
        if not self._scheduled:  # somebody committed in the meantime
            return
        batch, callbacks = self._batch, self._callbacks
        self._batch, self._callbacks, self._scheduled = WriteBatch(), [], False
        outcome = self._run(batch)
        self._remember(batch, outcome)
        for callback in callbacks:
            callback(outcome)
        self.after_commit()

    def _remember(self, batch: WriteBatch, outcome: Outcome) -> None:
        if outcome is None:
            for key, annotations, bare in batch.bodies:
                self._recent.add(key, Body(annotations, bare))
            for (key,) in batch.body_deletions:
                self._recent.discard(key)

    def _run(self, batch: WriteBatch) -> Outcome:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            batch.apply(self._connection)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            LOG.exception("a transaction failed and is undone")
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return StorageFailed(f"The message store refused a write: {error}")
        return None

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
        """Commit what is gathered and close the file."""
        if self._scheduled:
            self.commit()
        self._connection.close()

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

    def body(self, record: MessageRecord) -> Body:
        """The body of a message that is stored."""
        body = self._recent.get(record.body)
        if body is None:
            row = self._connection.execute("SELECT annotations, bare FROM bodies WHERE id=?", (record.body,)).fetchone()
            body = Body(*row)
        return body

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
