"""What becomes of messages that leave a queue: they are deleted, dead-lettered or forwarded."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from servicebus_local.broker.consumer import Done, Lock
from servicebus_local.broker.forwarding import Forwarding
from servicebus_local.broker.locks import LockTable
from servicebus_local.broker.message_store import MessageStore, admit
from servicebus_local.clock import Clock
from servicebus_local.errors import ServiceError
from servicebus_local.messages.application_properties import with_application_properties
from servicebus_local.messages.changes import with_properties
from servicebus_local.record import Body, DeadLetter, MessageRecord, State
from servicebus_local.storage.store import Store

NO_CHANGES: Mapping[str, bytes] = MappingProxyType({})
_EXPIRED = ("TTLExpiredException", "The message expired and was dead lettered.")


def nobody(_: ServiceError | None) -> None:
    """For changes that nobody waits for."""


class Departures:
    """Takes messages out of one queue."""

    def __init__(
        self, queue: MessageStore, locks: LockTable, forwarding: Forwarding, store: Store, clock: Clock
    ) -> None:
        self._queue = queue
        self._locks = locks
        self._forwarding = forwarding
        self._store = store
        self._clock = clock

    def expire(self, record: MessageRecord) -> None:
        """The time of a message is over."""
        if self._queue.settings.dead_letters_expired:
            self.dead_letter(record, None, DeadLetter(*_EXPIRED, self._queue.path), nobody)
        else:
            self.delete(record, None, nobody)

    def delete(self, record: MessageRecord, lock: Lock | None, done: Done) -> None:
        """Delete a message."""
        self._store.writes.delete(self._queue.id, record)
        self._leave(record, lock, done, lambda: None)

    def dead_letter(
        self,
        record: MessageRecord,
        lock: Lock | None,
        dead_letter: DeadLetter,
        done: Done,
        count: int | None = None,
        *,
        properties: Mapping[str, bytes] = NO_CHANGES,
    ) -> None:
        """Move a message to the dead-letter queue, or to where the queue forwards what it dead-letters."""
        queue = self._queue
        dead_letters = queue.dead_letters or queue
        count = record.delivery_count if count is None else count
        target = queue.settings.forward_dead_letters_to
        if target is not None:
            message = queue.message(record)
            changed = with_properties(message, properties) if properties else message
            arrivals = self._forwarding.send(queue, target, changed, self._clock(), dead_letter)
            self._store.writes.delete(queue.id, record)
            self._leave(record, lock, done, partial(admit, arrivals))
            return

        def arrive() -> None:
            moved = replace(
                record,
                state=State.ACTIVE,
                delivery_count=count,
                expires_at=None,
                due_at=None,
                dead_letter=dead_letter,
                deferred=False,
                busy=False,
            )
            dead_letters.admit(moved)

        self.rewrite(record, properties)
        self._store.writes.dead_letter(queue.id, dead_letters.id, record, count, dead_letter)
        self._leave(record, lock, done, arrive)

    def forward(self, now: int) -> None:
        """What waits in a queue that forwards goes on."""
        queue = self._queue
        waiting = [each for each in queue.records.values() if each.state is State.ACTIVE and not each.busy]
        for record in waiting:
            arrivals = self._forwarding.deliver(queue, queue.message(record), now, record.ttl)
            self._store.writes.delete(queue.id, record)
            self._leave(record, None, nobody, partial(admit, arrivals))

    def rewrite(self, record: MessageRecord, properties: Mapping[str, bytes]) -> None:
        """Write a message's application properties anew, with what else is written of it."""
        if not properties:
            return
        before = self._store.body(record)
        body = Body(before.annotations, with_application_properties(before.bare, properties))
        size = len(body.annotations) + len(body.bare)

        def rewritten(error: ServiceError | None) -> None:
            if error is None:
                self._queue.tally.size += size - record.size
                record.size = size

        self._store.writes.change_body(self._queue.id, record, *body)
        self._store.then(rewritten)

    def _leave(self, record: MessageRecord, lock: Lock | None, done: Done, then: Callable[[], None]) -> None:
        def stored(error: ServiceError | None) -> None:
            record.busy = False
            if error is None:
                self._queue.remove(record)
                if lock is not None:
                    self._locks.drop(lock)
                then()
            elif lock is None and record.state is State.ACTIVE:
                self._queue.offer(record)
            done(error)

        record.busy = True
        self._store.then(stored)
