"""An AMQP session: windows, links by handle, and the deliveries that are not settled."""

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from servicebus_local.amqp import codec
from servicebus_local.broker.consumer import Verdict
from servicebus_local.errors import ServiceError, SessionViolation
from servicebus_local.wire import frames
from servicebus_local.wire.egress import Credit, EntityEgress
from servicebus_local.wire.link import MODULUS, AttachRequest, Link
from servicebus_local.wire.verdicts import echo_of, verdict_of

if TYPE_CHECKING:
    from servicebus_local.wire.connection import Connection

INCOMING_WINDOW = 5000


class Session:
    """The server's end of one session. Our channel and handles are those of the client."""

    def __init__(self, connection: "Connection", channel: int, begin: list[Any]) -> None:
        self.connection = connection
        self.channel = channel
        self.links: dict[int, Link] = {}
        self._next_incoming_id: int = begin[1]
        self._incoming_since_flow = 0
        self._next_outgoing_id = 0
        self._outgoing_window: int = begin[2]
        self._next_delivery_id = 0
        self._unsettled: dict[int, tuple[EntityEgress, bytes]] = {}
        self._stalled: deque[bytes] = deque()
        self._known: set[int] = set()
        """Handles that were attached at some time: the SDK may still send a flow or a detach for them."""
        self._leaving: set[int] = set()
        """Handles that we detached, for which the client has not said the same yet."""
        self.send(codec.Begin(channel, 0, INCOMING_WINDOW, INCOMING_WINDOW, 0xFFFFFFFF, None, None, None))

    # -- frames go out

    def send(self, performative: tuple[Any, ...]) -> None:
        """Send a frame on this session's channel."""
        self.connection.write(codec.encode_frame(self.channel, performative))

    def write(self, frame: bytes) -> None:
        """Send a frame that is encoded already."""
        self.connection.write(frame)

    def send_flow(self, handle: int | None, delivery_count: int | None, credit: int | None, *, drained: bool) -> None:
        """Tell the state of the session, and of one link."""
        self._incoming_since_flow = 0
        self.send(
            codec.Flow(
                next_incoming_id=self._next_incoming_id,
                incoming_window=INCOMING_WINDOW,
                next_outgoing_id=self._next_outgoing_id,
                outgoing_window=INCOMING_WINDOW,
                handle=handle,
                delivery_count=delivery_count,
                link_credit=credit,
                available=None,
                drain=drained,
                echo=False,
                properties=None,
            )
        )

    @property
    def has_room(self) -> bool:
        """Whether a delivery could leave now."""
        return self._outgoing_window > 0 and not self._stalled and self.connection.has_room

    def send_delivery(self, link: Credit, tag: bytes, payload: bytes, *, settled: bool) -> None:
        """Send a message, in as many frames as it needs."""
        delivery_id = self._next_delivery_id
        self._next_delivery_id = (delivery_id + 1) % MODULUS
        if not settled and isinstance(link, EntityEgress):
            self._unsettled[delivery_id] = (link, tag)
        step = self.connection.peer_frame_size - frames.TRANSFER_OVERHEAD
        view = memoryview(payload)
        for start in range(0, len(payload), step):
            chunk, more = view[start : start + step], start + step < len(payload)
            frame = frames.transfer(self.channel, link.handle, delivery_id, tag, chunk, settled=settled, more=more)
            self._send_transfer(frame)

    def _send_transfer(self, frame: bytes) -> None:
        if self._outgoing_window <= 0:
            self._stalled.append(frame)
            return
        self._outgoing_window -= 1
        self._next_outgoing_id = (self._next_outgoing_id + 1) % MODULUS
        self.connection.write(frame)

    def refuse(self, link: Link, error: ServiceError) -> None:
        """Close a link, or do not open it, and tell why."""
        if not link.attached:
            link.refuse()
        link.attached = False
        self.links.pop(link.handle, None)
        self._leaving.add(link.handle)
        self.write(frames.detach(self.channel, link.handle, error))

    # -- frames come in

    def on_attach(self, fields: list[Any]) -> None:
        """A link is asked for."""
        request = AttachRequest.of(fields)
        if request.handle in self.links:
            raise SessionViolation("amqp:session:handle-in-use", f"handle {request.handle} is in use")
        self._leaving.discard(request.handle)
        self._known.add(request.handle)
        self.connection.nodes.attach(self, request)

    def on_flow(self, fields: list[Any]) -> None:
        """Windows and credit."""
        self._next_incoming_id = fields[2]
        seen = fields[0] if fields[0] is not None else 0
        was_shut = self._outgoing_window <= 0
        self._outgoing_window = (seen + fields[1] - self._next_outgoing_id) % MODULUS
        while self._stalled and self._outgoing_window > 0:
            self._send_transfer(self._stalled.popleft())
        if fields[4] is not None:
            link = self.links.get(fields[4])
            if link is not None:
                link.on_flow(fields)
            elif fields[4] not in self._known:
                raise _unattached(fields[4])
        elif fields[9]:
            self.send_flow(None, None, None, drained=False)
        if was_shut or fields[4] is None:
            self.use_room()

    def on_transfer(self, fields: list[Any]) -> None:
        """A part of a message."""
        self._next_incoming_id = (self._next_incoming_id + 1) % MODULUS
        self._incoming_since_flow += 1
        link = self.links.get(fields[0])
        if link is not None:
            link.on_transfer(fields)
        elif fields[0] not in self._leaving:  # else it was closed by us while the client was still sending
            raise _unattached(fields[0])
        if self._incoming_since_flow > INCOMING_WINDOW // 2:
            self.send_flow(None, None, None, drained=False)

    def on_disposition(self, fields: list[Any]) -> None:
        """A receiver settles deliveries; what a sender says of its own needs no answer."""
        from_receiver, first, last, settled, state, _, properties = fields
        if not from_receiver:
            return
        for delivery_id in self._range(first, first if last is None else last):
            self._settle(delivery_id, verdict_of(state, properties), answer=not settled)

    def on_detach(self, fields: list[Any]) -> None:
        """A link is closed, or left, by the client."""
        link = self.links.pop(fields[0], None)
        self._leaving.discard(fields[0])
        if link is None and fields[0] not in self._known:
            raise _unattached(fields[0])
        if link is None:  # our own detach, confirmed
            return
        link.closed(dropped=False)
        self._forget(link)
        self.write(frames.detach(self.channel, link.handle, closed=bool(fields[1])))

    def close(self, *, dropped: bool) -> None:
        """All links are gone."""
        for link in self.links.values():
            link.closed(dropped=dropped)
        self.links.clear()

    def on_beat(self, now: int) -> None:
        """Close the links that nobody used for long, and those whose token has expired."""
        for link in list(self.links.values()):
            if link.attached:
                error = link.overdue(now)
                if error is not None:
                    link.evicted(error)

    def use_room(self) -> None:
        """There is room (again): links may send."""
        for link in list(self.links.values()):
            if isinstance(link, Credit) and link.credit > 0:
                link.use_credit()

    def _range(self, first: int, last: int) -> Iterable[int]:
        if last - first < len(self._unsettled):
            return range(first, last + 1)
        return [each for each in self._unsettled if first <= each <= last]

    def _settle(self, delivery_id: int, verdict: Verdict, *, answer: bool) -> None:
        delivery = self._unsettled.pop(delivery_id, None)
        if delivery is None:
            return
        link, tag = delivery

        def done(error: ServiceError | None) -> None:
            if answer:
                self._answer(delivery_id, verdict, error)

        try:
            link.queue.settle(tag, verdict, done)
        except ServiceError as error:
            done(error)

    def _answer(self, delivery_id: int, verdict: Verdict, error: ServiceError | None) -> None:
        if error is not None:
            self.write(frames.rejection(self.channel, delivery_id, error, to_sender=False))
            return
        self.write(frames.disposition(self.channel, delivery_id, echo_of(verdict.settlement), to_sender=False))
        # The SDK's coroutines that settle at the same time take turns at reading a frame each, and one whose own answer
        # was read by another still reads on, for 200 ms when nothing comes: an empty frame ends its turn.
        self.write(frames.HEARTBEAT)

    def _forget(self, link: Link) -> None:
        gone = [delivery_id for delivery_id, (owner, _) in self._unsettled.items() if owner is link]
        for delivery_id in gone:
            del self._unsettled[delivery_id]


def _unattached(handle: int) -> SessionViolation:
    return SessionViolation("amqp:session:unattached-handle", f"handle {handle} has no link")
