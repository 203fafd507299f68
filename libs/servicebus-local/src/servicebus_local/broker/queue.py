"""A queue, a subscription or a dead-letter queue: messages are handed out to receivers, locked and settled."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from servicebus_local.broker.consumer import Consumer, Delivered, Done, Lock, Settlement, Verdict
from servicebus_local.broker.forwarding import Forwarding
from servicebus_local.broker.place import NO_CHANGES, Place, nobody
from servicebus_local.broker.ready import ReadyLine
from servicebus_local.broker.settings import QueueSettings
from servicebus_local.clock import Clock
from servicebus_local.errors import MessageLockLost, MessageNotFound, NotAllowed, ServiceError
from servicebus_local.record import Body, DeadLetter, MessageRecord, State
from servicebus_local.storage.store import Store

Wake = Callable[["MessageQueue"], None]


class MessageQueue(Place):
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
        super().__init__(path, settings, store, clock, dead_letters, transfers, forwarding)
        self.dead_letters: MessageQueue | None = dead_letters
        self.transfers: MessageQueue | None = transfers
        self.accessed_at = 0
        """When somebody last sent or received, in milliseconds since the epoch; 0: not since the start."""
        self._wake = wake
        self._ready = ReadyLine(self.records)
        self._hungry: deque[Consumer] = deque()

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
            self._give_back(lock, nobody, failed=failed)

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
        """Settle a locked message.

        Raises `MessageLockLost`, or `SessionLockLost` on a queue with sessions, and `NotAllowed` when a dead letter is
        to be dead-lettered.
        """
        lock = self.lock(token)
        if verdict.settlement is Settlement.COMPLETE:
            self._delete(lock.record, lock, done)
        elif verdict.settlement is Settlement.DEAD_LETTER:
            if self.dead_letters is None:
                raise NotAllowed(f"A message of '{self.path}' cannot be dead-lettered: it is a dead letter already.")
            self._dead_letter(
                lock.record,
                lock,
                DeadLetter(verdict.reason, verdict.description, self.path),
                done,
                properties=verdict.properties,
            )
        elif verdict.settlement is Settlement.DEFER:
            self._defer(lock, done, verdict.properties)
        else:
            failed = verdict.settlement is Settlement.ABANDON
            self._give_back(lock, done, failed=failed, properties=verdict.properties)

    # -- messages are set aside

    def receive_deferred(
        self, sequences: Sequence[int], consumer: Consumer | None, done: Callable[[ServiceError | None], None]
    ) -> list[Delivered]:
        """Take deferred messages for good (`consumer` settles on delivery); call back when they are deleted."""
        records = [self._deferred(sequence, consumer) for sequence in sequences]
        found = [Delivered(record, self._store.body(record), None) for record in records]
        for record in records:
            self._delete(record, None, nobody)
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
        if self.settings.forward_to is not None and self.tally.count(State.ACTIVE):
            self._forward_waiting(now)
        for lock in self._expired_locks(now):
            self._give_back(lock, nobody, failed=True)
        for sequence in self._expiry.due(now):
            record = self.records.get(sequence)
            if record is not None and record.state is State.ACTIVE and not record.busy:
                self._expire(record)

    def sort_locks(self) -> None:
        """The lock duration was changed."""
        self._locks.sort()

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
                self.back_in_place(record)

        self._delete(record, None, deleted)

    def _give_back(self, lock: Lock, done: Done, *, failed: bool, properties: Mapping[str, bytes] = NO_CHANGES) -> None:
        record = lock.record
        if not failed:
            self._unlock(lock)
            done(None)
            return
        count = record.delivery_count + 1
        if self.dead_letters is not None and count >= self.settings.max_delivery_count:
            description = f"Message could not be consumed after {count} delivery attempts."
            grave = DeadLetter("MaxDeliveryCountExceeded", description, self.path)
            self._dead_letter(record, lock, grave, done, count, properties=properties)
            return

        def counted(error: ServiceError | None) -> None:
            record.busy = False
            if error is None:
                record.delivery_count = count
                self._unlock(lock)
            done(error)

        record.busy = True
        self._rewrite(record, properties)
        self._store.writes.count(self.id, record, count)
        self._store.then(counted)

    def _unlock(self, lock: Lock) -> None:
        self._locks.drop(lock)
        self.back_in_place(lock.record)

    def _defer(self, lock: Lock, done: Done, properties: Mapping[str, bytes]) -> None:
        record = lock.record
        count = record.delivery_count + 1

        def deferred(error: ServiceError | None) -> None:
            record.busy = False
            if error is None:
                record.delivery_count = count
                record.deferred = True
                self._unlock(lock)
            done(error)

        record.busy = True
        self._rewrite(record, properties)
        self._store.writes.count(self.id, record, count)
        self._store.writes.defer(self.id, record)
        self._store.then(deferred)
