"""Messages that are with a receiver until they are settled or their lock ends, and those that are set aside."""

from collections.abc import Collection, Mapping, Sequence

from servicebus_local.broker.consumer import Consumer, Delivered, Done, Lock, Settlement, Verdict
from servicebus_local.broker.departures import NO_CHANGES, Departures, nobody
from servicebus_local.broker.forwarding import Forwarding
from servicebus_local.broker.locks import LockTable
from servicebus_local.broker.message_store import MessageStore, QueueParts
from servicebus_local.broker.settings import QueueSettings
from servicebus_local.errors import MessageLockLost, MessageNotFound, NotAllowed, ServiceError
from servicebus_local.messages.incoming import decode_stored
from servicebus_local.record import DeadLetter, MessageRecord, State


class LockedMessages(MessageStore):
    """Locks messages and settles them."""

    def __init__(self, path: str, settings: QueueSettings, parts: QueueParts, forwarding: Forwarding) -> None:
        super().__init__(path, settings, parts)
        self._locks = LockTable()
        self._departures = Departures(self, self._locks, forwarding, parts.store, parts.clock)

    # -- messages are with receivers

    def in_hand(self, about: Collection[str]) -> list[Lock]:
        """Return the locks of the messages whose session or subject is named."""
        return [lock for lock in self._locks if self._is_about(lock.record, about)]

    def holds(self, lock: Lock) -> bool:
        """Say whether a message is still with the receiver that got it under this lock."""
        return lock in self._locks

    def _is_about(self, record: MessageRecord, about: Collection[str]) -> bool:
        if record.session_id is not None:
            return record.session_id in about
        return decode_stored(self._store.body(record)).label in about

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
        """Settle a locked message.

        Raises `MessageLockLost`, or `SessionLockLost` on a queue with sessions, and `NotAllowed` when a dead letter is
        to be dead-lettered.
        """
        lock = self.lock(token)
        if verdict.settlement is Settlement.COMPLETE:
            self._departures.delete(lock.record, lock, done)
        elif verdict.settlement is Settlement.DEAD_LETTER:
            if self.dead_letters is None:
                raise NotAllowed(f"A message of '{self.path}' cannot be dead-lettered: it is a dead letter already.")
            dead_letter = DeadLetter(verdict.reason, verdict.description, self.path)
            self._departures.dead_letter(lock.record, lock, dead_letter, done, properties=verdict.properties)
        elif verdict.settlement is Settlement.DEFER:
            self._defer(lock, done, verdict.properties)
        else:
            failed = verdict.settlement is Settlement.ABANDON
            self._give_back(lock, done, failed=failed, properties=verdict.properties)

    # -- messages are set aside

    def receive_deferred(self, sequences: Sequence[int], consumer: Consumer | None, done: Done) -> list[Delivered]:
        """Take deferred messages for good (`consumer` settles on delivery); call back when they are deleted."""
        records = [self._deferred(sequence, consumer) for sequence in sequences]
        delivered = [Delivered(record, self._store.body(record), None) for record in records]
        for record in records:
            self._departures.delete(record, None, nobody)
        self._store.then(done)
        return delivered

    def lock_deferred(self, sequences: Sequence[int], consumer: Consumer | None) -> list[Delivered]:
        """Lock deferred messages, all or none. Raises `MessageNotFound`; on a session's, `SessionLockLost`."""
        records = [self._deferred(sequence, consumer) for sequence in sequences]
        delivered = []
        for record in records:
            self.tally.move(record, State.LOCKED)
            lock = self._lock_deferred(record, consumer)
            delivered.append(Delivered(record, self._store.body(record), lock))
        return delivered

    # -- time passes

    def advance(self, now: int) -> None:
        """Do what is due: locks and messages expire, and what waits in a queue that forwards goes on."""
        forwards = self.settings.forward_to is not None and self.dead_letters is not None
        if forwards and self.tally.count(State.ACTIVE):
            self._departures.forward(now)
        for lock in self._expired_locks(now):
            self._give_back(lock, nobody, failed=True)
        for sequence in self._expiry.due(now):
            record = self.records.get(sequence)
            if record is not None and record.state is State.ACTIVE and not record.busy:
                self._departures.expire(record)

    def sort_locks(self) -> None:
        """The lock duration was changed."""
        self._locks.sort()

    # -- for the queue with sessions, which differs in these

    def _deferred(self, sequence: int, consumer: Consumer | None) -> MessageRecord:  # noqa: ARG002 - for sessions
        record = self.records.get(sequence)
        if record is None or record.state is not State.DEFERRED or record.busy:
            raise MessageNotFound.of(sequence)
        if record.expires_at is not None and record.expires_at <= self._clock():
            self._departures.expire(record)
            raise MessageNotFound.of(sequence)
        return record

    def _lock_deferred(self, record: MessageRecord, consumer: Consumer | None) -> Lock:  # noqa: ARG002 - for sessions
        return self._locks.add(record, self._clock() + self.settings.lock_duration, None)

    def _is_lost(self, lock: Lock) -> bool:
        return lock.until <= self._clock()

    def _expired_locks(self, now: int) -> list[Lock]:
        return self._locks.expired(now)

    # -- how it is done

    def _give_back(self, lock: Lock, done: Done, *, failed: bool, properties: Mapping[str, bytes] = NO_CHANGES) -> None:
        record = lock.record
        if not failed:
            self._unlock(lock)
            done(None)
            return
        count = record.delivery_count + 1
        if self.dead_letters is not None and count >= self.settings.max_delivery_count:
            description = f"Message could not be consumed after {count} delivery attempts."
            dead_letter = DeadLetter("MaxDeliveryCountExceeded", description, self.path)
            self._departures.dead_letter(record, lock, dead_letter, done, count, properties=properties)
            return
        self._count(lock, count, done, properties)

    def _defer(self, lock: Lock, done: Done, properties: Mapping[str, bytes]) -> None:
        self._count(lock, lock.record.delivery_count + 1, done, properties, deferred=True)
        self._store.writes.defer(self.id, lock.record)

    def _count(
        self, lock: Lock, count: int, done: Done, properties: Mapping[str, bytes], *, deferred: bool = False
    ) -> None:
        """Store a new delivery count; then the message is free again, or set aside."""
        record = lock.record

        def counted(error: ServiceError | None) -> None:
            record.busy = False
            if error is None:
                record.delivery_count = count
                record.deferred = record.deferred or deferred
                self._unlock(lock)
            done(error)

        record.busy = True
        self._departures.rewrite(record, properties)
        self._store.writes.count(self.id, record, count)
        self._store.then(counted)

    def _unlock(self, lock: Lock) -> None:
        self._locks.drop(lock)
        self.put_back(lock.record)
