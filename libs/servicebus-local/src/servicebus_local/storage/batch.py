"""Writes that belong together, gathered by kind so that each kind is one `executemany`."""

import sqlite3
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, Self

from servicebus_local.record import DeadLetter, MessageRecord
from servicebus_local.storage.schema import message_key

_INSERT_MESSAGE = (
    "INSERT INTO messages(id, body, session_id, state, delivery_count, enqueued_at, ttl, expires_at, due_at, reason,"
    " description, source, size) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
_DEAD_LETTER = (
    "UPDATE messages SET id=?, delivery_count=?, state=0, expires_at=NULL, reason=?, description=?, source=? WHERE id=?"
)

_DEFER = "UPDATE messages SET state=1 WHERE id=?"
_SET_STATE = "INSERT OR REPLACE INTO session_states(queue, session_id, state, updated_at) VALUES(?,?,?,?)"


Rows = dict[str, Any]
"""Writes by their kinds, which are the fields of `WriteBatch`."""


@dataclass(slots=True)
class WriteBatch:
    """Writes that will be durable together. A message has one change at a time: see `MessageRecord.busy`."""

    bodies: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    messages: list[tuple[Any, ...]] = field(default_factory=list)
    changed_bodies: list[tuple[bytes, bytes, int]] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    counts: list[tuple[int, int]] = field(default_factory=list)
    deferrals: list[tuple[int]] = field(default_factory=list)
    burials: list[tuple[Any, ...]] = field(default_factory=list)
    """Moves to a dead-letter queue, under the name that the journals have of them."""
    deletions: list[tuple[int]] = field(default_factory=list)
    body_deletions: list[tuple[int]] = field(default_factory=list)
    remembered: list[tuple[int, str, int]] = field(default_factory=list)
    forgotten: list[tuple[int, str]] = field(default_factory=list)
    session_states: list[tuple[int, str, bytes, int]] = field(default_factory=list)
    cleared_states: list[tuple[int, str]] = field(default_factory=list)
    sequences: dict[int, int] = field(default_factory=dict)
    entities: list[tuple[str, str]] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    """Queues that are deleted, with all that is in them; this is done last."""

    def rows(self) -> Rows:
        """The writes by their kinds, those that there are."""
        return {kind: rows for kind, rows in zip(_KINDS, _every_kind(self), strict=True) if rows}

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """The batch of such rows."""
        return cls(**rows)

    @property
    def is_final(self) -> bool:
        """Whether later writes must not be merged into this batch."""
        return bool(self.burials or self.forgotten or self.cleared_states or self.dropped)

    def extend(self, later: "WriteBatch") -> None:
        """Add the writes of a later batch."""
        for kind, rows in later.rows().items():
            if kind == "sequences":
                self.sequences.update(rows)
            else:
                getattr(self, kind).extend(rows)

    def insert(self, queue: int, record: MessageRecord, annotations: bytes, bare: bytes) -> None:
        """Add a message to a queue."""
        dead_letter = record.dead_letter
        self.bodies.append((record.body, annotations, bare))
        self.messages.append(
            (
                message_key(queue, record.sequence),
                record.body,
                record.session_id,
                int(record.state),
                record.delivery_count,
                record.enqueued_at,
                record.ttl,
                record.expires_at,
                record.due_at,
                dead_letter and dead_letter.reason,
                dead_letter and dead_letter.description,
                dead_letter and dead_letter.source,
                record.size,
            )
        )

    def delete(self, queue: int, record: MessageRecord) -> None:
        """Remove a message and its body."""
        self.deletions.append((message_key(queue, record.sequence),))
        self.body_deletions.append((record.body,))

    def count(self, queue: int, record: MessageRecord, delivery_count: int) -> None:
        """Store a new delivery count."""
        self.counts.append((delivery_count, message_key(queue, record.sequence)))

    def change_body(self, queue: int, record: MessageRecord, annotations: bytes, bare: bytes) -> None:
        """Store another body for a message."""
        self.changed_bodies.append((annotations, bare, record.body))
        self.sizes.append((len(annotations) + len(bare), message_key(queue, record.sequence)))

    def defer(self, queue: int, record: MessageRecord) -> None:
        """Set a message aside."""
        self.deferrals.append((message_key(queue, record.sequence),))

    def dead_letter(self, queue: int, target: int, record: MessageRecord, count: int, dead_letter: DeadLetter) -> None:
        """Move a message to the dead-letter queue `target`, under its old sequence number."""
        self.burials.append(
            (
                message_key(target, record.sequence),
                count,
                dead_letter.reason,
                dead_letter.description,
                dead_letter.source,
                message_key(queue, record.sequence),
            )
        )

    def apply(self, connection: sqlite3.Connection) -> None:
        """Run all writes; the caller opens and ends the transaction."""
        many = connection.executemany
        for statement, rows in (
            ("INSERT INTO bodies(id, annotations, bare) VALUES(?,?,?)", self.bodies),
            (_INSERT_MESSAGE, self.messages),
            ("UPDATE bodies SET annotations=?, bare=? WHERE id=?", self.changed_bodies),
            ("UPDATE messages SET size=? WHERE id=?", self.sizes),
            ("UPDATE messages SET delivery_count=? WHERE id=?", self.counts),
            (_DEFER, self.deferrals),
            (_DEAD_LETTER, self.burials),
            ("DELETE FROM messages WHERE id=?", self.deletions),
            ("DELETE FROM bodies WHERE id=?", self.body_deletions),
            ("INSERT OR REPLACE INTO history(queue, message_id, seen_at) VALUES(?,?,?)", self.remembered),
            ("DELETE FROM history WHERE queue=? AND message_id=?", self.forgotten),
            (_SET_STATE, self.session_states),
            ("DELETE FROM session_states WHERE queue=? AND session_id=?", self.cleared_states),
            ("INSERT OR REPLACE INTO entities(path, document) VALUES(?,?)", self.entities),
            ("UPDATE queues SET next_sequence=? WHERE id=?", [(n, queue) for queue, n in self.sequences.items()]),
        ):
            if rows:
                many(statement, rows)
        for queue in self.dropped:
            _drop(connection, queue)


_KINDS = tuple(each.name for each in fields(WriteBatch))
_every_kind = attrgetter(*_KINDS)


def _drop(connection: sqlite3.Connection, queue: int) -> None:
    keys = message_key(queue, 0), message_key(queue + 1, 0)
    connection.execute("DELETE FROM bodies WHERE id IN (SELECT body FROM messages WHERE id>=? AND id<?)", keys)
    connection.execute("DELETE FROM messages WHERE id>=? AND id<?", keys)
    for statement in (
        "DELETE FROM history WHERE queue=?",
        "DELETE FROM session_states WHERE queue=?",
        "DELETE FROM queues WHERE id=?",
    ):
        connection.execute(statement, (queue,))
