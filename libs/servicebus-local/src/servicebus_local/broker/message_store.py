"""The messages of one queue, subscription or dead-letter queue, and how new ones reach the disk.

Every change goes to the disk first, then into memory, and only then is it told to anybody. While it is on its way, its
message is `busy`, so that nobody else takes it; it keeps its state until then, so that counts never lose sight of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from servicebus_local.broker.sequence import SequenceCounter
from servicebus_local.broker.settings import QueueSettings
from servicebus_local.broker.tally import Tally
from servicebus_local.broker.timetable import Timetable
from servicebus_local.clock import Clock
from servicebus_local.messages.incoming import IncomingMessage, decode_stored
from servicebus_local.record import DeadLetter, MessageRecord, State
from servicebus_local.storage.store import Store

Wake = Callable[["MessageStore"], None]
"""Something happened: `pump` it soon."""
Arrival = tuple["MessageStore", MessageRecord]
"""A message that was written, and the queue that must admit it once it is durable."""


@dataclass(frozen=True, slots=True)
class QueueParts:
    """What a queue works with."""

    store: Store
    clock: Clock
    wake: Wake
    dead_letters: "MessageStore | None" = None
    """None for a dead-letter queue, which keeps its messages whatever happens."""
    transfers: "MessageStore | None" = None
    """Where messages go that could not be forwarded."""


class MessageStore(ABC):
    """Messages by their sequence numbers."""

    def __init__(self, path: str, settings: QueueSettings, parts: QueueParts) -> None:
        self.path = path
        self.settings = settings
        self.dead_letters = parts.dead_letters
        self.transfers = parts.transfers
        row = parts.store.tables.queue(path.lower())
        self.id = row.id
        self.sequence = SequenceCounter(row, parts.store)
        self.records: dict[int, MessageRecord] = {}
        self.tally = Tally()
        self._store = parts.store
        self._clock = parts.clock
        self._wake = parts.wake
        self._expiry = Timetable()

    @abstractmethod
    def offer(self, record: MessageRecord) -> None:
        """A message can be received (again)."""

    @abstractmethod
    def pump(self) -> None:
        """Hand out what can be handed out."""

    def load(self) -> None:
        """Take in what the storage holds."""
        for record in self._store.tables.messages(self.id):
            self.admit(record)

    def message(self, record: MessageRecord) -> IncomingMessage:
        """A message that is stored, as it is routed again. Raises `StorageFailed`."""
        message = decode_stored(self._store.body(record))
        message.ttl = record.ttl
        return message

    def write(
        self,
        message: IncomingMessage,
        state: State,
        enqueued_at: int,
        ttl: int | None,
        dead_letter: DeadLetter | None = None,
    ) -> Arrival:
        """Write a message; `admit` it to the queue that is returned when the write is durable."""
        refusal = self._refusal_of(message)
        if refusal is not None and self.dead_letters is not None:
            return self.dead_letters.write(message, state, enqueued_at, ttl, refusal)
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
            self.offer(record)

    def put_back(self, record: MessageRecord) -> None:
        """A message was not taken, or is given back."""
        record.busy = False
        self.tally.move(record, State.DEFERRED if record.deferred else State.ACTIVE)
        if not record.deferred:
            self.offer(record)

    def remove(self, record: MessageRecord) -> None:
        """A message is gone from the storage."""
        self.records.pop(record.sequence, None)
        self.tally.remove(record)
        self._expiry.discard(record.sequence)

    def _refusal_of(self, message: IncomingMessage) -> DeadLetter | None:  # noqa: ARG002 - for sessions
        """Why a message that comes is dead-lettered at once."""
        return None


def admit(arrivals: Iterable[Arrival]) -> None:
    """What was written is durable."""
    for queue, record in arrivals:
        queue.admit(record)
