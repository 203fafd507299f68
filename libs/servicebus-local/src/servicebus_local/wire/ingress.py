"""Links on which a client sends."""

from abc import abstractmethod
from typing import Any

from servicebus_local.broker.broker import Broker
from servicebus_local.broker.destination import Destination
from servicebus_local.broker.entity import Entity
from servicebus_local.errors import LinkIdle, MessageTooLarge, ProtocolViolation, ServiceError
from servicebus_local.messages.incoming import decode_transfer
from servicebus_local.wire import frames
from servicebus_local.wire.attach import AttachRequest
from servicebus_local.wire.link import MODULUS, Link, LinkSession

CREDIT = 1000
_BATCH_LIMITS = (1024 * 1024, 256 * 1024)
"""A batch stays at 1 MB (Premium) or 256 KB (Standard), however large a single message may be."""


class Ingress(Link):
    """Puts the parts of a message together, and keeps the client in credit."""

    def __init__(self, session: LinkSession, request: AttachRequest, max_message_size: int) -> None:
        super().__init__(session, request)
        self._limit = max_message_size
        self._received = request.initial_delivery_count  # with the deliveries that came: the link's delivery-count
        self._granted = self._received
        self._first: list[Any] | None = None
        self._parts: list[bytes] = []
        self._size = 0

    def open(self) -> None:
        """Confirm the link and give credit."""
        batch = next((limit for limit in _BATCH_LIMITS if limit <= self._limit), self._limit)
        self.confirm(
            max_message_size=self._limit,
            properties={"com.microsoft:max-message-batch-size": {"TYPE": "ULONG", "VALUE": batch}},
        )
        self._grant()

    def on_flow(self, fields: list[Any]) -> None:
        """The client's view of the link; only an echo needs an answer."""
        if fields[9]:
            self._grant()

    def on_transfer(self, fields: list[Any]) -> None:
        """Collect a part; a message above the limit is not kept, but counted to its end."""
        if self._first is None:
            if fields[1] is None:
                raise ProtocolViolation("amqp:not-allowed", "the first transfer of a delivery has no delivery-id")
            self._first = fields
        payload = fields[11]
        self._size += len(payload)
        if self._size <= self._limit:
            self._parts.append(bytes(payload))
        if not fields[5]:
            self._complete(aborted=bool(fields[9]))

    def closed(self, *, dropped: bool) -> None:  # noqa: ARG002 - the interface
        """Nothing is held for a sender."""
        self.attached = False

    def _complete(self, *, aborted: bool) -> None:
        first, payload, size = self._first, b"".join(self._parts), self._size
        self._first, self._parts, self._size = None, [], 0
        self._received += 1
        if self._granted - self._received < CREDIT // 2:
            self._grant()
        if first is None or aborted:
            return
        delivery_id, settled = first[1], bool(first[4])
        if size > self._limit:
            self.answer(delivery_id, settled, MessageTooLarge(size, self._limit))
            return
        try:
            self.take(delivery_id, settled, payload, first[3] or 0)
        except ServiceError as error:
            self.answer(delivery_id, settled, error)

    def answer(self, delivery_id: int, settled: bool, error: ServiceError | None) -> None:
        """Tell the sender what became of its message, if it wants to know."""
        channel = self.session.channel
        if settled:
            return
        if error is None:
            state = frames.DeliveryState.ACCEPTED
            self.session.write(frames.disposition(channel, delivery_id, state, to_sender=True))
        else:
            self.session.write(frames.rejection(channel, delivery_id, error, to_sender=True))

    @abstractmethod
    def take(self, delivery_id: int, settled: bool, payload: bytes, message_format: int) -> None:
        """A whole message came. Raises `ServiceError` to refuse it."""

    def _grant(self) -> None:
        self._granted = self._received + CREDIT
        self.session.send_flow(self.handle, delivery_count=self._received % MODULUS, credit=CREDIT, drained=False)


class EntityIngress(Ingress):
    """A sender's link to a queue or topic."""

    def __init__(
        self, session: LinkSession, request: AttachRequest, broker: Broker, entity: Entity, destination: Destination
    ) -> None:
        super().__init__(session, request, destination.settings.max_message_size)
        self._broker = broker
        self._entity = entity
        self._destination = destination

    def open(self) -> None:
        """Confirm the link and give credit."""
        self._entity.senders.add(self)
        super().open()

    def closed(self, *, dropped: bool) -> None:
        """Nothing is held for a sender."""
        self._entity.senders.discard(self)
        super().closed(dropped=dropped)

    def overdue(self, now: int) -> ServiceError | None:
        """Why the link must close: it was idle, or its token expired."""
        return super().overdue(now) or (LinkIdle() if self._is_idle(now) else None)

    def take(self, delivery_id: int, settled: bool, payload: bytes, message_format: int) -> None:
        """Publish; the sender hears `accepted` once the messages are durable."""
        self._broker.check_busy()
        self.used_at = self.session.peer.clock()
        messages = decode_transfer(payload, message_format)
        self._destination.publish(messages, lambda error: self.answer(delivery_id, settled, error))
