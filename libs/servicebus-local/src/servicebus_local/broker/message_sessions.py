"""The sessions of one queue: who holds each, and which are free."""

from collections.abc import Mapping
from dataclasses import dataclass

from servicebus_local.broker.consumer import Consumer
from servicebus_local.broker.ready import ReadyMessages
from servicebus_local.record import MessageRecord


@dataclass(slots=True, eq=False)
class MessageSession:
    """Messages with one SessionId."""

    id: str
    ready: ReadyMessages
    holder: Consumer | None = None
    until: int = 0
    """When its lock ends."""


class MessageSessions:
    """The sessions that somebody holds or that have messages; others are forgotten."""

    def __init__(self, records: Mapping[int, MessageRecord]) -> None:
        self._records = records
        self._sessions: dict[str, MessageSession] = {}
        self._held: dict[str, MessageSession] = {}
        self._available: dict[str, MessageSession] = {}  # free ones with messages; who waits longest comes first

    def get(self, session_id: str) -> MessageSession:
        """A session, which is made when it is new."""
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = MessageSession(session_id, ReadyMessages(self._records))
        return session

    def held(self) -> list[tuple[MessageSession, Consumer]]:
        """Those that somebody holds, and who."""
        return [(session, session.holder) for session in self._held.values() if session.holder is not None]

    def held_by(self, consumer: Consumer) -> MessageSession | None:
        """The session that a receiver holds."""
        session = self._sessions.get(consumer.session_id or "")
        return session if session is not None and session.holder is consumer else None

    def add(self, record: MessageRecord) -> None:
        """A message can be received (again)."""
        session = self.get(record.session_id or "")
        session.ready.add(record)
        if session.holder is None:
            self._available[session.id] = session

    def next_available(self, now: int) -> MessageSession | None:
        """The free session that has waited longest, with a message that can be received now."""
        while self._available:
            session = next(iter(self._available.values()))
            if session.ready.first(now) is not None:
                return session
            del self._available[session.id]
            self._tidy(session)
        return None

    def hold(self, session: MessageSession, consumer: Consumer, until: int) -> None:
        """Give a free session to a receiver."""
        self._available.pop(session.id, None)
        self._held[session.id] = session
        session.holder = consumer
        session.until = until

    def free(self, session: MessageSession) -> bool:
        """Take a session from its holder; returns whether it has messages."""
        session.holder = None
        self._held.pop(session.id, None)
        has_messages = bool(session.ready)
        if has_messages:
            self._available[session.id] = session
        self._tidy(session)
        return has_messages

    def _tidy(self, session: MessageSession) -> None:
        if session.holder is None and not session.ready:
            self._sessions.pop(session.id, None)
