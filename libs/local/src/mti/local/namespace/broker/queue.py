"""A place where messages wait, are locked and are settled: a queue, a subscription or a dead-letter queue.

Every change goes to the disk first, then into memory, and only then is it told to anybody. While it is on its way, its
message is `busy`, so that nobody else takes it; it keeps its state until then, so that counts never lose sight of it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from mti.local.namespace.broker.consumer import Consumer, Delivered, Done, Lock, Settlement, Verdict
from mti.local.namespace.broker.forwarding import Arrival, Forwarding
from mti.local.namespace.broker.locks import LockTable
from mti.local.namespace.broker.ready import ReadyLine
from mti.local.namespace.broker.sequence import SequenceCounter
from mti.local.namespace.broker.settings import QueueSettings
from mti.local.namespace.broker.tally import Tally
from mti.local.namespace.broker.timetable import Timetable
from mti.local.namespace.clock import Clock
from mti.local.namespace.errors import MessageLockLost, MessageNotFound, ServiceError
from mti.local.namespace.messages.incoming import IncomingMessage, decode_stored
from mti.local.namespace.record import Body, DeadLetter, MessageRecord, State
from mti.local.namespace.storage.store import Store

Wake = Callable[["MessageQueue"], None]
_EXPIRED = ("TTLExpiredException", "The message expired and was dead lettered.")


def _nobody(_: ServiceError | None) -> None:
    """For changes that nobody waits for."""


def _admit(arrivals: Sequence[Arrival]) -> None:
    for queue, record in arrivals:
        queue.admit(record)


class MessageQueue:
    """Messages in the order of their sequence numbers, for competing receivers."""

    requires_session = False

    def __init__(
        self,
        path: str,
        settings: QueueSettings,
        store: Store,
        clock: Clock,
        wake: Wake,
        dead_letters: "MessageQueue | None" = None,
        transfers: "MessageQueue | None" = None,
        forwarding: Forwarding | None = None,
    ) -> None:
        self.path = path
        self.settings = settings
        self.dead_letters = dead_letters
        """None for a dead-letter queue, which keeps its messages whatever happens."""
        self.transfers = transfers
        """Where messages go that could not be forwarded."""
        self.accessed_at = 0
        """When somebody last sent or received, in milliseconds since the epoch; 0: not since the start."""
        self._forwarding = forwarding
        row = store.tables.queue(path.lower())
        self.id = row.id
        self.sequence = SequenceCounter(row, store)
        self.records: dict[int, MessageRecord] = {}
        self.tally = Tally()
        self._store = store
        self._clock = clock
        self._wake = wake
        self._locks = LockTable()
        self._ready = ReadyLine(self.records)
        self._hungry: deque[Consumer] = deque()
        self._expiry = Timetable()

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
    ) -> "tuple[MessageQueue, MessageRecord]":
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
            size=len(message.body.annotations) + len(message.body.bare),
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

    # -- receivers come and go

    def feed(self, consumer: Consumer) -> None:
        """A receiver may want messages (again)."""
        self.accessed_at = self._clock()
        if consumer not in self._hungry:
            self._hungry.append(consumer)
        self.pump()

    def leave(self, consumer: Consumer, *, failed: bool) -> None:
        """A receiver is gone; what it held comes back. `failed`: as failed deliveries."""
        if consumer in self._hungry:
            self._hungry.remove(consumer)
        for lock in [lock for lock in consumer.held if not lock.record.busy]:
            self._give_back(lock, _nobody, failed=failed)

    def depart(self, consumer: Consumer) -> None:
        """A receiver is gone; what it held stays locked, for whoever knows the token."""
        if consumer in self._hungry:
            self._hungry.remove(consumer)
        for lock in consumer.held:
            lock.consumer = None
        consumer.held.clear()

    def pump(self) -> None:
        """Hand out what can be handed out."""
        while self._ready and (consumer := self._next_hungry()):
            now = self._clock()
            record = self._ready.take(now)
            if record is None:
                return
            self._give(record, consumer, now + self.settings.lock_duration)

    # -- messages are settled

    def lock(self, token: bytes) -> Lock:
        """The lock of that token. Raises `MessageLockLost`."""
        lock = self._locks.get(token)
        if lock is None or self._is_lost(lock):
            raise MessageLockLost
        return lock

    def renew(self, token: bytes) -> int:
        """Prolong a lock; returns its new end. Raises `MessageLockLost`."""
        lock = self.lock(token)
        self._locks.prolong(lock, self._clock() + self.settings.lock_duration)
        return lock.until

    def settle(self, token: bytes, verdict: Verdict, done: Done) -> None:
        """Settle a locked message. Raises `MessageLockLost`, or `SessionLockLost` on a queue with sessions."""
        lock = self.lock(token)
        if verdict.settlement is Settlement.COMPLETE:
            self._delete(lock.record, lock, done)
        elif verdict.settlement is Settlement.DEAD_LETTER:
            self._dead_letter(lock.record, lock, DeadLetter(verdict.reason, verdict.description, self.path), done)
        elif verdict.settlement is Settlement.DEFER:
            self._defer(lock, done)
        else:
            self._give_back(lock, done, failed=verdict.settlement is Settlement.ABANDON)

    # -- messages are set aside

    def receive_deferred(
        self, sequences: Sequence[int], consumer: Consumer | None, done: Callable[[ServiceError | None], None]
    ) -> list[Delivered]:
        """Take deferred messages for good (`consumer` settles on delivery); call back when they are deleted."""
        records = [self._deferred(sequence, consumer) for sequence in sequences]
        found = [Delivered(record, self._store.body(record), None) for record in records]
        for record in records:
            self._delete(record, None, _nobody)
        self._store.then(done)
        return found

    def lock_deferred(self, sequences: Sequence[int], consumer: Consumer | None) -> list[Delivered]:
        """Lock deferred messages, all or none. Raises `MessageNotFound`; on a session's, `SessionLockLost`."""
        records = [self._deferred(sequence, consumer) for sequence in sequences]
        found = []
        for record in records:
            self.tally.move(record, State.LOCKED)
            lock = self._lock_deferred(record, consumer)
            found.append(Delivered(record, self._store.body(record), lock))
        return found

    # -- time passes

    def advance(self, now: int) -> None:
        """Do what is due: locks and messages expire, and what waits in a queue that forwards goes on."""
        if self.settings.forward_to is not None and self._ready_count():
            self._forward_waiting(now)
        for lock in self._expired_locks(now):
            self._give_back(lock, _nobody, failed=True)
        for sequence in self._expiry.due(now):
            record = self.records.get(sequence)
            if record is not None and record.state is State.ACTIVE and not record.busy:
                self._expire(record)

    def sort_locks(self) -> None:
        """The lock duration was changed."""
        self._locks.sort()

    def _ready_count(self) -> int:
        return self.tally.count(State.ACTIVE)

    def _forward_waiting(self, now: int) -> None:
        waiting = [each for each in self.records.values() if each.state is State.ACTIVE and not each.busy]
        for record in waiting:
            if self._forwarding is None:
                return
            message = self._stored(record)
            arrivals = self._forwarding.place(self, message, now, record.ttl)
            self._store.writes.delete(self.id, record)
            self._leave_for_good(record, None, _nobody, partial(_admit, arrivals))

    def _stored(self, record: MessageRecord) -> IncomingMessage:
        message = decode_stored(self._store.body(record))
        message.ttl = record.ttl
        return message

    # -- for the queue with sessions, which differs in these

    def _offer(self, record: MessageRecord) -> None:
        self._ready.add(record)
        if record.expires_at is not None:
            self._expiry.add(record.expires_at, record.sequence)
        self._wake(self)

    def _deferred(self, sequence: int, consumer: Consumer | None) -> MessageRecord:  # noqa: ARG002 - for sessions
        record = self.records.get(sequence)
        if record is None or record.state is not State.DEFERRED or record.busy:
            raise MessageNotFound.of(sequence)
        if record.expires_at is not None and record.expires_at <= self._clock():
            self._expire(record)
            raise MessageNotFound.of(sequence)
        return record

    def _lock_deferred(self, record: MessageRecord, consumer: Consumer | None) -> Lock:  # noqa: ARG002 - for sessions
        return self._locks.add(record, self._clock() + self.settings.lock_duration, None)

    def _is_lost(self, lock: Lock) -> bool:
        return lock.until <= self._clock()

    def _expired_locks(self, now: int) -> list[Lock]:
        return self._locks.expired(now)

    # -- how it is done

    def _next_hungry(self) -> Consumer | None:
        while self._hungry:
            consumer = self._hungry[0]
            if consumer.wants:
                self._hungry.rotate(-1)
                return consumer
            self._hungry.popleft()
        return None

    def _give(self, record: MessageRecord, consumer: Consumer, until: int) -> None:
        body = self._store.body(record)
        consumer.reserve(len(body.bare))
        self.tally.move(record, State.LOCKED)
        if consumer.settles_on_delivery:
            self._give_away(record, body, consumer)
            return
        consumer.deliver(record, body, self._locks.add(record, until, consumer))

    def _give_away(self, record: MessageRecord, body: Body, consumer: Consumer) -> None:
        def deleted(error: ServiceError | None) -> None:
            if error is None:
                consumer.deliver(record, body, None)
            else:
                consumer.unreserve(len(body.bare))
                self._back_in_place(record)

        self._delete(record, None, deleted)

    def _give_back(self, lock: Lock, done: Done, *, failed: bool) -> None:
        record = lock.record
        if not failed:
            self._unlock(lock)
            done(None)
            return
        count = record.delivery_count + 1
        if self.dead_letters is not None and count >= self.settings.max_delivery_count:
            description = f"Message could not be consumed after {count} delivery attempts."
            grave = DeadLetter("MaxDeliveryCountExceeded", description, self.path)
            self._dead_letter(record, lock, grave, done, count)
            return

        def counted(error: ServiceError | None) -> None:
            record.busy = False
            if error is None:
                record.delivery_count = count
                self._unlock(lock)
            done(error)

        record.busy = True
        self._store.writes.count(self.id, record, count)
        self._store.then(counted)

    def _unlock(self, lock: Lock) -> None:
        self._locks.drop(lock)
        self._back_in_place(lock.record)

    def _back_in_place(self, record: MessageRecord) -> None:
        record.busy = False
        self.tally.move(record, State.DEFERRED if record.deferred else State.ACTIVE)
        if not record.deferred:
            self._offer(record)

    def _defer(self, lock: Lock, done: Done) -> None:
        record = lock.record

        def deferred(error: ServiceError | None) -> None:
            record.busy = False
            if error is None:
                record.deferred = True
                self._unlock(lock)
            done(error)

        record.busy = True
        self._store.writes.defer(self.id, record)
        self._store.then(deferred)

    def _expire(self, record: MessageRecord) -> None:
        if self.settings.dead_letters_expired:
            self._dead_letter(record, None, DeadLetter(*_EXPIRED, self.path), _nobody)
        else:
            self._delete(record, None, _nobody)

    def _delete(self, record: MessageRecord, lock: Lock | None, done: Done) -> None:
        self._store.writes.delete(self.id, record)
        self._leave_for_good(record, lock, done, lambda: None)

    def _dead_letter(
        self, record: MessageRecord, lock: Lock | None, grave: DeadLetter, done: Done, count: int | None = None
    ) -> None:
        graveyard = self.dead_letters or self
        count = record.delivery_count if count is None else count
        target = self.settings.forward_dead_letters_to
        if target is not None and self._forwarding is not None:
            arrivals = self._forwarding.send(self, target, self._stored(record), self._clock(), grave)
            self._store.writes.delete(self.id, record)
            self._leave_for_good(record, lock, done, partial(_admit, arrivals))
            return
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
        self._store.writes.bury(self.id, graveyard.id, record, count, grave)
        self._leave_for_good(record, lock, done, lambda: graveyard.admit(buried))

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

    def remove(self, record: MessageRecord) -> None:
        """A message is gone from the storage."""
        self.records.pop(record.sequence, None)
        self.tally.remove(record)
        self._expiry.discard(record.sequence)
