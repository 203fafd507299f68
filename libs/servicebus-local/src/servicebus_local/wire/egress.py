"""Links on which a client receives from an entity."""

from typing import Any

from servicebus_local.amqp import codec
from servicebus_local.broker.consumer import Consumer, Lock
from servicebus_local.broker.entity import Entity
from servicebus_local.broker.queue import MessageQueue
from servicebus_local.broker.session_queue import SessionQueue
from servicebus_local.errors import BadRequest, LinkIdle, NotAllowed, ProtocolViolation, ServiceError
from servicebus_local.messages.outgoing import encode
from servicebus_local.record import Body, MessageRecord
from servicebus_local.wire.attach import SETTLED, AttachRequest, text
from servicebus_local.wire.link import Link, LinkSession

SESSION_FILTER = b"com.microsoft:session-filter"
_ACCEPT_TIMEOUT = b"com.microsoft:timeout"
_DEFAULT_ACCEPT_TIMEOUT = 65_000
_TICKS_AT_EPOCH = 621_355_968_000_000_000
_TICKS_PER_MILLISECOND = 10_000
"""`com.microsoft:locked-until-utc` is in .NET ticks: 100 ns since the year 1."""


class Credit(Link):
    """The credit of a link on which we send."""

    def __init__(self, session: LinkSession, request: AttachRequest) -> None:
        super().__init__(session, request)
        self.credit = 0
        self.delivery_count = 0

    def on_flow(self, fields: list[Any]) -> None:
        """The client gives credit, takes it back, or drains."""
        if fields[6] is not None:
            self.credit = max(0, (fields[5] or 0) + fields[6] - self.delivery_count)
        self.use_credit()
        drain, echo = fields[8], fields[9]
        if drain:
            self.delivery_count += self.credit
            self.credit = 0
        if drain or echo:
            self.session.send_flow(self.handle, self.delivery_count, self.credit, drained=bool(drain))

    def use_credit(self) -> None:
        """Send what waits, as far as credit goes."""

    def on_transfer(self, fields: list[Any]) -> None:  # noqa: ARG002 - the interface
        """A client cannot send here."""
        raise ProtocolViolation("amqp:not-allowed", "a transfer came on a receiver's link")


class EntityEgress(Credit, Consumer):
    """A receiver's link to a queue, a subscription or a dead-letter queue; perhaps for one session."""

    def __init__(self, session: LinkSession, request: AttachRequest, entity: Entity, queue: MessageQueue) -> None:
        Credit.__init__(self, session, request)
        Consumer.__init__(self, settles_on_delivery=request.send_settle_mode == SETTLED)
        self.queue = queue
        self._entity = entity

    def open(self) -> None:
        """Confirm the link, or wait for a session first. Raises `ServiceError`."""
        self._entity.receivers.add(self)
        if isinstance(self.queue, SessionQueue):
            self._open_session(self.queue)
            return
        if SESSION_FILTER in self.request.filters:
            raise NotAllowed(
                "A sessionful message receiver cannot be created on an entity that does not require sessions. Ensure"
                " RequiresSession is set to true when creating a Queue or Subscription to enable sessionful behavior."
            )
        self.confirm()

    # -- as a consumer

    @property
    def wants(self) -> bool:
        """Whether a message can be sent now."""
        return self.attached and self.credit > 0 and self.session.has_room

    def reserve(self, size: int) -> None:
        """Spend credit for a message that will be delivered."""
        self.credit -= 1
        self.delivery_count += 1
        self.session.peer.output.reserve(size)

    def unreserve(self, size: int) -> None:
        """The message does not come."""
        self.credit += 1
        self.delivery_count -= 1
        self.session.peer.output.reserve(-size)

    def deliver(self, record: MessageRecord, body: Body, lock: Lock | None) -> None:
        """Send a message that was reserved."""
        self.session.peer.output.reserve(-len(body.bare))
        if not self.attached:
            return
        payload = encode(record, body, lock)
        self.used_at = self.session.peer.clock()
        tag = b"" if lock is None else lock.token
        self.session.send_delivery(self, tag, payload, settled=lock is None)

    def accepted(self, session_id: str, locked_until: int) -> None:
        """The session is ours: the link is open."""
        ticks = locked_until * _TICKS_PER_MILLISECOND + _TICKS_AT_EPOCH
        self.confirm(
            filters={SESSION_FILTER.decode(): session_id},
            properties={"com.microsoft:locked-until-utc": codec.long(ticks)},
        )

    def overdue(self, now: int) -> ServiceError | None:
        """Why the link must close: it was idle, with nothing to receive and no lock renewed, or its token expired."""
        return super().overdue(now) or (LinkIdle() if self._is_idle(now) and not self.held else None)

    # -- as a link

    def on_flow(self, fields: list[Any]) -> None:
        """The client gives credit."""
        self.used_at = self.session.peer.clock()
        super().on_flow(fields)

    def use_credit(self) -> None:
        """Ask the queue for messages."""
        self.queue.feed(self)

    def closed(self, *, dropped: bool) -> None:
        """Leave what was not settled locked, as the service does, unless the client is gone without a word.

        A session that is closed in order is free at once, and does not count its messages as failed:
        https://learn.microsoft.com/azure/service-bus-messaging/message-sessions#impact-of-delivery-count
        """
        self.attached = False
        self._entity.receivers.discard(self)
        if dropped or self.queue.requires_session:
            self.queue.leave(self, failed=dropped)
        else:
            self.queue.depart(self)

    def _open_session(self, queue: SessionQueue) -> None:
        if SESSION_FILTER not in self.request.filters:
            raise NotAllowed(
                "It is not possible for an entity that requires sessions to create a non-sessionful message receiver."
            )
        wanted = self.request.filters[SESSION_FILTER]
        if wanted is None:
            timeout = self.request.properties.get(_ACCEPT_TIMEOUT, _DEFAULT_ACCEPT_TIMEOUT)
            queue.accept_next(self, self.session.peer.clock() + timeout)
        elif not isinstance(wanted, bytes | str):
            raise BadRequest("The session filter is neither a string nor null.")
        else:
            queue.accept(self, text(wanted))
