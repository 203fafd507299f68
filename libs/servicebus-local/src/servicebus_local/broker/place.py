"""A place where messages are, and how what becomes of one reaches the disk.

Every change goes to the disk first, then into memory, and only then is it told to anybody. While it is on its way, its
message is `busy`, so that nobody else takes it; it keeps its state until then, so that counts never lose sight of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from servicebus_local.broker.consumer import Done, Lock
from servicebus_local.broker.forwarding import Arrival, Forwarding
from servicebus_local.broker.locks import LockTable
from servicebus_local.broker.sequence import SequenceCounter
from servicebus_local.broker.settings import QueueSettings
from servicebus_local.broker.tally import Tally
from servicebus_local.broker.timetable import Timetable
from servicebus_local.clock import Clock
from servicebus_local.errors import ServiceError
from servicebus_local.messages.application_properties import with_application_properties
from servicebus_local.messages.changes import with_properties
from servicebus_local.messages.incoming import IncomingMessage, decode_stored
from servicebus_local.record import Body, DeadLetter, MessageRecord, State
from servicebus_local.storage.store import Store

NO_CHANGES: Mapping[str, bytes] = MappingProxyType({})
_EXPIRED = ("TTLExpiredException", "The message expired and was dead lettered.")


def nobody(_: ServiceError | None) -> None:
    """For changes that nobody waits for."""


def _admit(arrivals: Sequence[Arrival]) -> None:
    for place, record in arrivals:
        place.admit(record)


class Place(ABC):
    """The messages of one queue, subscription or dead-letter queue, by their sequence numbers."""

    def __init__(
        self,
        path: str,
        settings: QueueSettings,
        store: Store,
        clock: Clock,
        dead_letters: "Place | None",
        transfers: "Place | None",
        forwarding: Forwarding | None,
    ) -> None:
        self.path = path
        self.settings = settings
        self.dead_letters = dead_letters
        """None for a dead-letter queue, which keeps its messages whatever happens."""
        self.transfers = transfers
        """Where messages go that could not be forwarded."""
        row = store.tables.queue(path.lower())
        self.id = row.id
        self.sequence = SequenceCounter(row, store)
        self.records: dict[int, MessageRecord] = {}
        self.tally = Tally()
        self._forwarding = forwarding
        self._store = store
        self._clock = clock
        self._locks = LockTable()
        self._expiry = Timetable()

    @abstractmethod
    def _offer(self, record: MessageRecord) -> None:
        """A message can be received (again)."""

    # -- messages come

    def load(self) -> None:
        """Take in what the storage holds."""
        for record in self._store.tables.messages(self.id):
            self.admit(record)

    def write(
        self,
        message: IncomingMessage,
        state: State,
        enqueued_at: int,
        ttl: int | None,
        dead_letter: DeadLetter | None = None,
    ) -> "tuple[Place, MessageRecord]":
        """Write a message; `admit` it to the queue that is returned when the write is durable."""
        ttls = [each for each in (ttl, self.settings.default_ttl) if each is not None]
        ttl = min(ttls, default=None)
        expires_at = enqueued_at + ttl if ttl is not None and state is State.ACTIVE and self.dead_letters else None
        record = MessageRecord(
            sequence=self.sequence.take(),
            body=self._store.new_body(),
            session_id=message.session_id,
            state=state,
            delivery_count=0,
            enqueued_at=enqueued_at,
            ttl=ttl,
            expires_at=expires_at,
            due_at=message.due_at if state is State.SCHEDULED else None,
            size=message.size,
            dead_letter=dead_letter,
        )
        self._store.writes.insert(self.id, record, *message.body)
        return self, record

    def admit(self, record: MessageRecord) -> None:
        """A message is stored and belongs here from now on."""
        self.records[record.sequence] = record
        self.tally.add(record)
        if record.state is State.ACTIVE:
            self._offer(record)

    def back_in_place(self, record: MessageRecord) -> None:
        """A message was not taken, or is given back."""
        record.busy = False
        self.tally.move(record, State.DEFERRED if record.deferred else State.ACTIVE)
        if not record.deferred:
            self._offer(record)

    # -- messages leave

    def remove(self, record: MessageRecord) -> None:
        """A message is gone from the storage."""
        self.records.pop(record.sequence, None)
        self.tally.remove(record)
        self._expiry.discard(record.sequence)

    def _expire(self, record: MessageRecord) -> None:
        if self.settings.dead_letters_expired:
            self._dead_letter(record, None, DeadLetter(*_EXPIRED, self.path), nobody)
        else:
            self._delete(record, None, nobody)

    def _delete(self, record: MessageRecord, lock: Lock | None, done: Done) -> None:
        self._store.writes.delete(self.id, record)
        self._leave_for_good(record, lock, done, lambda: None)

    def _dead_letter(
        self,
        record: MessageRecord,
        lock: Lock | None,
        grave: DeadLetter,
        done: Done,
        count: int | None = None,
        *,
        properties: Mapping[str, bytes] = NO_CHANGES,
    ) -> None:
        graveyard = self.dead_letters or self
        count = record.delivery_count if count is None else count
        target = self.settings.forward_dead_letters_to
        if target is not None and self._forwarding is not None:
            message = with_properties(self._stored(record), properties) if properties else self._stored(record)
            arrivals = self._forwarding.send(self, target, message, self._clock(), grave)
            self._store.writes.delete(self.id, record)
            self._leave_for_good(record, lock, done, partial(_admit, arrivals))
            return

        def admit() -> None:
            buried = replace(
                record,
                state=State.ACTIVE,
                delivery_count=count,
                expires_at=None,
                due_at=None,
                dead_letter=grave,
                deferred=False,
                busy=False,
            )
            graveyard.admit(buried)

        self._rewrite(record, properties)
        self._store.writes.bury(self.id, graveyard.id, record, count, grave)
        self._leave_for_good(record, lock, done, admit)

    def _rewrite(self, record: MessageRecord, properties: Mapping[str, bytes]) -> None:
        """Write a message's application properties anew, with what else is written of it."""
        if not properties:
            return
        before = self._store.body(record)
        body = Body(before.annotations, with_application_properties(before.bare, properties))
        size = len(body.annotations) + len(body.bare)

        def rewritten(error: ServiceError | None) -> None:
            if error is None:
                self.tally.size += size - record.size
                record.size = size

        self._store.writes.change_body(self.id, record, *body)
        self._store.then(rewritten)

    def _forward_waiting(self, now: int) -> None:
        waiting = [each for each in self.records.values() if each.state is State.ACTIVE and not each.busy]
        for record in waiting:
            if self._forwarding is None:
                return
            message = self._stored(record)
            arrivals = self._forwarding.place(self, message, now, record.ttl)
            self._store.writes.delete(self.id, record)
            self._leave_for_good(record, None, nobody, partial(_admit, arrivals))

    def _leave_for_good(self, record: MessageRecord, lock: Lock | None, done: Done, then: Callable[[], None]) -> None:
        def stored(error: ServiceError | None) -> None:
            record.busy = False
            if error is None:
                self.remove(record)
                if lock is not None:
                    self._locks.drop(lock)
                then()
            elif lock is None and record.state is State.ACTIVE:
                self._offer(record)
            done(error)

        record.busy = True
        self._store.then(stored)

    def _stored(self, record: MessageRecord) -> IncomingMessage:
        message = decode_stored(self._store.body(record))
        message.ttl = record.ttl
        return message
