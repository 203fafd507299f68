"""An AMQP session: its flow, and its links by their handles."""

from typing import Any

from servicebus_local.amqp import codec
from servicebus_local.errors import ServiceError, SessionViolation
from servicebus_local.wire import frames
from servicebus_local.wire.attach import AttachRequest
from servicebus_local.wire.deliveries import Deliveries
from servicebus_local.wire.egress import Credit
from servicebus_local.wire.link import MODULUS, Link, Peer
from servicebus_local.wire.nodes import Nodes
from servicebus_local.wire.verdicts import verdict_of

INCOMING_WINDOW = 5000


class Session:
    """The server's end of one session. Our channel and handles are those of the client."""

    def __init__(self, peer: Peer, nodes: Nodes, channel: int, begin: list[Any]) -> None:
        self.peer = peer
        self.channel = channel
        self.links: dict[int, Link] = {}
        self._nodes = nodes
        self._next_incoming_id: int = begin[1]
        self._incoming_since_flow = 0
        self._deliveries = Deliveries(peer, channel, begin[2])
        self._known: set[int] = set()
        """Handles that were attached at some time: the SDK may still send a flow or a detach for them."""
        self._leaving: set[int] = set()
        """Handles that we detached, for which the client has not said the same yet."""
        self.send(codec.Begin(channel, 0, INCOMING_WINDOW, INCOMING_WINDOW, 0xFFFFFFFF, None, None, None))

    # -- frames go out

    def send(self, performative: tuple[Any, ...]) -> None:
        """Send a frame on this session's channel."""
        self.peer.output.write(codec.encode_frame(self.channel, performative))

    def write(self, frame: bytes) -> None:
        """Send a frame that is encoded already."""
        self.peer.output.write(frame)

    def send_flow(self, handle: int | None, delivery_count: int | None, credit: int | None, *, drained: bool) -> None:
        """Tell the state of the session, and of one link."""
        self._incoming_since_flow = 0
        self.send(
            codec.Flow(
                next_incoming_id=self._next_incoming_id,
                incoming_window=INCOMING_WINDOW,
                next_outgoing_id=self._deliveries.next_transfer_id,
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
        return self._deliveries.has_room

    def send_delivery(self, link: Link, tag: bytes, payload: bytes, *, settled: bool) -> None:
        """Send a message, in as many frames as it needs."""
        self._deliveries.send(link, tag, payload, settled=settled)

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
        self._nodes.attach(self, request)

    def on_flow(self, fields: list[Any]) -> None:
        """Windows and credit."""
        self._next_incoming_id = fields[2]
        was_shut = self._deliveries.open_window(fields[0] if fields[0] is not None else 0, fields[1])
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
        for delivery_id in self._deliveries.unsettled(first, first if last is None else last):
            self._deliveries.settle(delivery_id, verdict_of(state, properties), answer=not settled)

    def on_detach(self, fields: list[Any]) -> None:
        """A link is closed, or left, by the client."""
        link = self.links.pop(fields[0], None)
        self._leaving.discard(fields[0])
        if link is None and fields[0] not in self._known:
            raise _unattached(fields[0])
        if link is None:  # our own detach, confirmed
            return
        link.closed(dropped=False)
        self._deliveries.forget(link)
        self.write(frames.detach(self.channel, link.handle, closed=bool(fields[1])))

    # -- time passes

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


def _unattached(handle: int) -> SessionViolation:
    return SessionViolation("amqp:session:unattached-handle", f"handle {handle} has no link")
