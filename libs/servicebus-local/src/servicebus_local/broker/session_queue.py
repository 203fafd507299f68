"""A queue whose messages belong to sessions: one receiver at a time holds a session and gets its messages in order.

https://learn.microsoft.com/azure/service-bus-messaging/message-sessions
"""

from collections import deque

from servicebus_local.broker.consumer import Consumer, Lock
from servicebus_local.broker.forwarding import Forwarding
from servicebus_local.broker.message_sessions import MessageSession, MessageSessions
from servicebus_local.broker.message_store import QueueParts
from servicebus_local.broker.queue import MessageQueue
from servicebus_local.broker.settings import QueueSettings
from servicebus_local.errors import (
    MessageLockLost,
    MessageNotFound,
    NothingToAccept,
    SessionCannotBeLocked,
    SessionLockLost,
)
from servicebus_local.messages.incoming import IncomingMessage
from servicebus_local.record import DeadLetter, MessageRecord

_NO_SESSION = ("Session ID is null", "Session enabled entity doesn't allow a message whose session identifier is null.")
_LENIENCE = 500
"""Milliseconds for which a link stays open whose session's lock ran out while there was nothing to receive or settle:
who waits for messages exactly as long as the lock lasts is told that none came."""


class SessionQueue(MessageQueue):
    """Locks lie on sessions here: a message's lock ends with its session's."""

    requires_session = True

    def __init__(self, path: str, settings: QueueSettings, parts: QueueParts, forwarding: Forwarding) -> None:
        super().__init__(path, settings, parts, forwarding)
        self._sessions = MessageSessions(self.records)
        self._waiting: deque[tuple[int, Consumer]] = deque()

    # -- sessions are accepted

    def accept(self, consumer: Consumer, session_id: str) -> None:
        """Give a session to a receiver. Raises `SessionCannotBeLocked`."""
        session = self._sessions.get(session_id)
        if session.holder is not None:
            raise SessionCannotBeLocked(session_id)
        self._grant(session, consumer)

    def accept_next(self, consumer: Consumer, deadline: int) -> None:
        """Give the next free session with messages to a receiver, `accepted` or `evicted` when none comes in time."""
        self._waiting.append((deadline, consumer))
        self._serve_waiting()

    def renew_session(self, consumer: Consumer) -> int:
        """Prolong a session's lock; returns its new end. Raises `SessionLockLost`."""
        session = self.held_session(consumer)
        session.until = self._clock() + self.settings.lock_duration
        return session.until

    def held_session(self, consumer: Consumer) -> MessageSession:
        """The session that a receiver holds. Raises `SessionLockLost`."""
        session = self._sessions.held_by(consumer)
        if session is None or session.until <= self._clock():
            raise SessionLockLost(consumer.session_id or "")
        return session

    # -- session state

    def session_state(self, consumer: Consumer) -> bytes | None:
        """The state of the session that a receiver holds. Raises `SessionLockLost`."""
        return self._store.tables.session_state(self.id, self.held_session(consumer).id)

    def set_session_state(self, consumer: Consumer, state: bytes | None) -> None:
        """Write the state of the session that a receiver holds; None clears it. Raises `SessionLockLost`."""
        session_id = self.held_session(consumer).id
        if state is None:
            self._store.writes.cleared_states.append((self.id, session_id))
        else:
            self._store.writes.session_states.append((self.id, session_id, state, self._clock()))

    def sessions(self, state_set_after: int | None) -> list[str]:
        """The sessions that have messages or a state (None), or whose state was set after a time; sorted."""
        if state_set_after is not None:
            return sorted(self._store.tables.session_states(self.id, state_set_after))
        return sorted({*self.tally.sessions(), *self._store.tables.session_states(self.id, -1)})

    # -- what differs from a queue without sessions

    def feed(self, consumer: Consumer) -> None:
        """A receiver may want messages (again)."""
        self.accessed_at = self._clock()
        session = self._sessions.held_by(consumer)
        if session is not None:
            self._fill(session, consumer)

    def pump(self) -> None:
        """Hand out what can be handed out."""
        self._serve_waiting()
        for session, holder in self._sessions.held():
            if session.ready:
                self._fill(session, holder)

    def leave(self, consumer: Consumer, *, failed: bool) -> None:
        """A receiver is gone: its session is free once its messages are back."""
        self._waiting = deque(waiter for waiter in self._waiting if waiter[1] is not consumer)
        super().leave(consumer, failed=failed)
        session = self._sessions.held_by(consumer)
        if session is not None:
            self._store.then(lambda _: self._free(session, consumer))

    def renew(self, token: bytes) -> int:  # noqa: ARG002 - the interface
        """Messages of a session have no lock of their own to renew. Raises `MessageLockLost`."""
        raise MessageLockLost

    def advance(self, now: int) -> None:
        """Do what is due: locks of sessions and messages expire, and who waited too long is told."""
        super().advance(now)
        while self._waiting and self._waiting[0][0] <= now:
            self._waiting.popleft()[1].evicted(NothingToAccept())
        for session, holder in self._sessions.held():
            idle = not holder.held and not session.ready
            if session.until + (_LENIENCE if idle else 0) <= now:
                holder.evicted(SessionLockLost(session.id))

    def offer(self, record: MessageRecord) -> None:
        """A message can be received (again)."""
        self._sessions.add(record)
        if record.expires_at is not None:
            self._expiry.add(record.expires_at, record.sequence)
        self._wake(self)

    def _refusal_of(self, message: IncomingMessage) -> DeadLetter | None:
        """A topic cannot refuse a message without a SessionId, so it is dead-lettered here."""
        return DeadLetter(*_NO_SESSION, self.path) if message.session_id is None else None

    def _deferred(self, sequence: int, consumer: Consumer | None) -> MessageRecord:
        record = super()._deferred(sequence, consumer)
        if consumer is None or record.session_id != self.held_session(consumer).id:
            raise MessageNotFound.of(sequence)
        return record

    def _lock_deferred(self, record: MessageRecord, consumer: Consumer | None) -> Lock:
        until = self.held_session(consumer).until if consumer is not None else 0
        return self._locks.add(record, until, consumer)

    def _is_lost(self, lock: Lock) -> bool:
        if lock.consumer is None or lock.consumer.session_id is None:
            return True
        self.held_session(lock.consumer)
        return False

    def _expired_locks(self, now: int) -> list[Lock]:  # noqa: ARG002 - the interface
        return []

    # -- how it is done

    def _grant(self, session: MessageSession, consumer: Consumer) -> None:
        self._sessions.hold(session, consumer, self._clock() + self.settings.lock_duration)
        consumer.session_id = session.id
        consumer.accepted(session.id, session.until)

    def _serve_waiting(self) -> None:
        while self._waiting and (session := self._sessions.next_available(self._clock())):
            self._grant(session, self._waiting.popleft()[1])

    def _fill(self, session: MessageSession, consumer: Consumer) -> None:
        while session.ready and session.until > self._clock() and consumer.wants:
            record = session.ready.take(self._clock())
            if record is None:
                return
            self._give(record, consumer, session.until)

    def _free(self, session: MessageSession, consumer: Consumer) -> None:
        for lock in [lock for lock in consumer.held if not lock.record.busy]:  # the count could not be stored
            self._unlock(lock)
        if self._sessions.free(session):
            self._wake(self)
