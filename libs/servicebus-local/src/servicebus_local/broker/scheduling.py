"""Messages that wait for their time before they are enqueued."""

from collections.abc import Callable, Sequence
from functools import partial

from servicebus_local.broker.consumer import Done
from servicebus_local.broker.message_store import Arrival, MessageStore, admit
from servicebus_local.broker.timetable import Timetable
from servicebus_local.clock import Clock
from servicebus_local.errors import MessageNotFound, ServiceError
from servicebus_local.messages.incoming import IncomingMessage
from servicebus_local.record import MessageRecord, State
from servicebus_local.storage.store import Store

Deliver = Callable[[IncomingMessage, int], list[Arrival]]
"""Writes a message to where it belongs now, the time."""


class ScheduledMessages:
    """The scheduled ones among the messages that a queue or topic holds."""

    def __init__(self, holding: MessageStore, deliver: Deliver, store: Store, clock: Clock) -> None:
        self._holding = holding
        self._deliver = deliver
        self._store = store
        self._clock = clock
        self._due = Timetable()
        for record in holding.records.values():
            self.add(record)

    def add(self, record: MessageRecord) -> None:
        """A message was admitted: when it is scheduled, it waits for its time."""
        if record.state is State.SCHEDULED and record.due_at is not None:
            self._due.add(record.due_at, record.sequence)

    def cancel(self, sequences: Sequence[int], done: Done) -> None:
        """Delete scheduled messages. Raises `MessageNotFound` when one of them is not scheduled (any longer)."""
        records = [self._scheduled(sequence) for sequence in sequences]
        for record in records:
            record.busy = True
            self._store.writes.delete(self._holding.id, record)
        self._store.then(partial(self._left, records, [], done))

    def release(self, until: int | None, done: Done) -> int:
        """Enqueue the messages that are due at `until`, or all (None); returns how many."""
        now = self._clock()
        records = [self._holding.records[sequence] for sequence in self._due.due(until)]
        arrivals: list[Arrival] = []
        for record in records:
            record.busy = True
            arrivals.extend(self._deliver(self._holding.message(record), now))
            self._store.writes.delete(self._holding.id, record)
        if records:
            self._store.then(partial(self._left, records, arrivals, done))
        return len(records)

    def _scheduled(self, sequence: int) -> MessageRecord:
        record = self._holding.records.get(sequence)
        if record is None or record.state is not State.SCHEDULED or record.busy:
            raise MessageNotFound(f"No scheduled message has the sequence number {sequence}.")
        return record

    def _left(
        self, records: list[MessageRecord], arrivals: list[Arrival], done: Done, error: ServiceError | None
    ) -> None:
        for record in records:
            record.busy = False
            if error is None:
                self._due.discard(record.sequence)
                self._holding.remove(record)
            else:
                self.add(record)
        if error is None:
            admit(arrivals)
        done(error)
