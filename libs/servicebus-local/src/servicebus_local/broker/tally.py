"""How many messages are in which state, kept while they change, so that counts are exact and cost nothing to read."""

from typing import TypedDict

from servicebus_local.record import MessageRecord, State


class SessionCounts(TypedDict):
    """Messages of one session."""

    active: int
    locked: int
    scheduled: int


class Counts(TypedDict):
    """Messages of one entity, as `GET /stats` tells them."""

    active: int
    locked: int
    scheduled: int
    deferred: int
    dead_letter: int
    sessions: dict[str, SessionCounts]


class Tally:
    """Counts of one queue, in all and by session."""

    def __init__(self) -> None:
        self.size = 0
        """Bytes of all bodies."""
        self._total = [0] * len(State)
        self._sessions: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return sum(self._total)

    def add(self, record: MessageRecord) -> None:
        """A message came."""
        self.size += record.size
        self._change(record, record.state, 1)

    def remove(self, record: MessageRecord) -> None:
        """A message left."""
        self.size -= record.size
        self._change(record, record.state, -1)

    def move(self, record: MessageRecord, state: State) -> None:
        """A message changes its state, which is done here too."""
        self._change(record, record.state, -1)
        record.state = state
        self._change(record, state, 1)

    def count(self, state: State) -> int:
        """The messages in a state."""
        return self._total[state]

    def sessions(self) -> list[str]:
        """The sessions that have messages which can be received, now or by their number."""
        held = (State.ACTIVE, State.LOCKED, State.DEFERRED)
        return [session_id for session_id, total in self._sessions.items() if any(total[state] for state in held)]

    def counts(self, dead_letter: int) -> Counts:
        """The counts at this instant."""
        return {
            "active": self._total[State.ACTIVE],
            "locked": self._total[State.LOCKED],
            "scheduled": self._total[State.SCHEDULED],
            "deferred": self._total[State.DEFERRED],
            "dead_letter": dead_letter,
            "sessions": {
                session_id: {
                    "active": total[State.ACTIVE],
                    "locked": total[State.LOCKED],
                    "scheduled": total[State.SCHEDULED],
                }
                for session_id, total in self._sessions.items()
            },
        }

    def _change(self, record: MessageRecord, state: State, step: int) -> None:
        self._total[state] += step
        if record.session_id is None:
            return
        total = self._sessions.setdefault(record.session_id, [0] * len(State))
        total[state] += step
        if not any(total) and step < 0:
            del self._sessions[record.session_id]
