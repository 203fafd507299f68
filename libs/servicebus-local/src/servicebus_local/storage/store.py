"""The store: a group commit into the journal, and the tables that follow.

All work happens on the event loop's thread: a hop to another costs more than a write. Writes gather until the loop has
handled all input it has at hand, then go into one record of the journal; who wrote is told after that (`then`), and
only then does the broker change its memory or answer. The tables take in what the journal holds on the next tick of the
clock, or sooner: when it has grown, and before anything is read from them.
"""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from servicebus_local.errors import StorageFailed
from servicebus_local.record import Body, MessageRecord
from servicebus_local.storage.batch import WriteBatch
from servicebus_local.storage.bodies import RecentBodies
from servicebus_local.storage.journal import Journal
from servicebus_local.storage.tables import Tables

LOG = logging.getLogger(__name__)
_JOURNAL_LIMIT = 4 * 1024 * 1024
"""Bytes after which the tables follow at once: half of what `RecentBodies` holds, so that most bodies are there."""

Outcome = StorageFailed | None
"""None: the writes are durable. Else: they were undone."""
Callback = Callable[[Outcome], None]


class Store:
    """One folder's database and journal. Not thread-safe; `defer` runs a function soon (`loop.call_soon`)."""

    def __init__(self, path: Path, defer: Callable[[Callable[[], None]], object]) -> None:
        """Takes in what a journal beside the database still holds. Raises `sqlite3.Error` and `OSError`."""
        self._tables = Tables(path)
        self._journal = Journal(path.with_suffix(".journal"))
        self._defer = defer
        self._batch = WriteBatch()
        self._confirmed = list(self._journal.records(self._tables.generation))
        """In the journal, and not in the tables yet."""
        self._callbacks: list[Callback] = []
        self._recent = RecentBodies()
        self._scheduled = False
        self._refused = False
        """Whether the tables refused what was confirmed."""
        self.after_commit: Callable[[], None] = lambda: None
        """Runs after the callbacks of each commit."""
        self._follow()
        self._next_body = self._tables.last_body + 1

    @property
    def tables(self) -> Tables:
        """The tables, with all that was confirmed. Raises `StorageFailed`."""
        try:
            self._follow()
        except sqlite3.Error as error:
            raise StorageFailed(f"The message store cannot be read: {error}") from error
        return self._tables

    def body(self, record: MessageRecord) -> Body:
        """The body of a message that is stored. Raises `StorageFailed`."""
        return self._recent.get(record.body) or self.tables.body(record.body)

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
        """Make durable what was gathered, and tell those who wait."""
        if not self._scheduled:  # somebody committed in the meantime
            return
        batch, callbacks = self._batch, self._callbacks
        self._batch, self._callbacks, self._scheduled = WriteBatch(), [], False
        outcome = self._record(batch)
        for callback in callbacks:
            callback(outcome)
        self.after_commit()
        if self._journal.size > _JOURNAL_LIMIT:
            self.follow()

    def follow(self) -> None:
        """Let the tables take in what the journal holds. When they refuse, it stays there, and writes are refused."""
        try:
            self._follow()
        except sqlite3.Error:
            LOG.exception("the tables cannot follow the journal; nothing more is taken in until they can")

    def _record(self, batch: WriteBatch) -> Outcome:
        rows = batch.rows()
        if not rows:
            return None
        try:
            if self._refused:
                self._follow()
            self._journal.append(rows)
        except (sqlite3.Error, OSError) as error:
            LOG.exception("a write failed and is undone")
            return StorageFailed(f"The message store refused a write: {error}")
        self._confirmed.append(batch)
        for key, annotations, bare in batch.bodies:
            self._recent.add(key, Body(annotations, bare))
        for annotations, bare, key in batch.changed_bodies:
            self._recent.discard(key)
            self._recent.add(key, Body(annotations, bare))
        for (key,) in batch.body_deletions:
            self._recent.discard(key)
        return None

    def _follow(self) -> None:
        if not self._confirmed:
            return
        self._refused = True
        self._tables.take_in(self._confirmed, self._journal.generation)
        self._refused = False
        self._confirmed.clear()
        self._journal.begin(self._journal.generation + 1)

    def close(self) -> None:
        """Commit what is gathered and close the files."""
        self.commit()
        self.follow()
        self._journal.close()
        self._tables.close()
