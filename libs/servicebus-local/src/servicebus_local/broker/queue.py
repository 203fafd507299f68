"""A queue, a subscription or a dead-letter queue: messages are handed out to receivers."""

from collections import deque

from servicebus_local.broker.consumer import Consumer
from servicebus_local.broker.departures import nobody
from servicebus_local.broker.forwarding import Forwarding
from servicebus_local.broker.locked_messages import LockedMessages
from servicebus_local.broker.message_store import QueueParts
from servicebus_local.broker.ready import ReadyMessages
from servicebus_local.broker.settings import QueueSettings
from servicebus_local.errors import ServiceError
from servicebus_local.record import Body, MessageRecord, State


class MessageQueue(LockedMessages):
    """Messages in the order of their sequence numbers, for competing receivers."""

    requires_session = False

    def __init__(self, path: str, settings: QueueSettings, parts: QueueParts, forwarding: Forwarding) -> None:
        super().__init__(path, settings, parts, forwarding)
        self.accessed_at = 0
        """When somebody last sent or received, in milliseconds since the epoch; 0: not since the start."""
        self._ready = ReadyMessages(self.records)
        self._hungry: deque[Consumer] = deque()

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

    def offer(self, record: MessageRecord) -> None:
        """A message can be received (again)."""
        self._ready.add(record)
        if record.expires_at is not None:
            self._expiry.add(record.expires_at, record.sequence)
        self._wake(self)

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
                self.put_back(record)

        self._departures.delete(record, None, deleted)
