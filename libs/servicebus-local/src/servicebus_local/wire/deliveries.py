"""The deliveries of one session that go out: its window, their numbers, and those that are not settled."""

from collections import deque
from collections.abc import Iterable

from servicebus_local.broker.consumer import Verdict
from servicebus_local.errors import ServiceError
from servicebus_local.wire import frames
from servicebus_local.wire.egress import EntityEgress
from servicebus_local.wire.link import MODULUS, Link, Peer
from servicebus_local.wire.verdicts import echo_of


class Deliveries:
    """Sends messages as far as the client's window goes, and settles them when it says so."""

    def __init__(self, peer: Peer, channel: int, window: int) -> None:
        self.next_transfer_id = 0
        """`next-outgoing-id`."""
        self._output = peer.output
        self._channel = channel
        self._window = window
        self._step = peer.frame_size - frames.TRANSFER_OVERHEAD
        self._next_delivery_id = 0
        self._unsettled: dict[int, tuple[EntityEgress, bytes]] = {}
        self._stalled: deque[bytes] = deque()

    @property
    def has_room(self) -> bool:
        """Whether a delivery could leave now."""
        return self._window > 0 and not self._stalled and self._output.has_room

    def send(self, link: Link, tag: bytes, payload: bytes, *, settled: bool) -> None:
        """Send a message, in as many frames as it needs."""
        delivery_id = self._next_delivery_id
        self._next_delivery_id = (delivery_id + 1) % MODULUS
        if not settled and isinstance(link, EntityEgress):
            self._unsettled[delivery_id] = (link, tag)
        view = memoryview(payload)
        for start in range(0, len(payload), self._step):
            chunk, more = view[start : start + self._step], start + self._step < len(payload)
            frame = frames.transfer(self._channel, link.handle, delivery_id, tag, chunk, settled=settled, more=more)
            self._send_transfer(frame)

    def open_window(self, next_incoming_id: int, incoming_window: int) -> bool:
        """The client tells its window, and what waited for it leaves; returns whether it was shut."""
        was_shut = self._window <= 0
        self._window = (next_incoming_id + incoming_window - self.next_transfer_id) % MODULUS
        while self._stalled and self._window > 0:
            self._send_transfer(self._stalled.popleft())
        return was_shut

    def unsettled(self, first: int, last: int) -> Iterable[int]:
        """Numbers between two, among which are all of those that are not settled."""
        if last - first < len(self._unsettled):
            return range(first, last + 1)
        return [each for each in self._unsettled if first <= each <= last]

    def settle(self, delivery_id: int, verdict: Verdict, *, answer: bool) -> None:
        """The client settles a delivery; with `answer`, it hears what became of that."""
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

    def forget(self, link: Link) -> None:
        """A link is gone, and its deliveries with it."""
        gone = [delivery_id for delivery_id, (owner, _) in self._unsettled.items() if owner is link]
        for delivery_id in gone:
            del self._unsettled[delivery_id]

    def _send_transfer(self, frame: bytes) -> None:
        if self._window <= 0:
            self._stalled.append(frame)
            return
        self._window -= 1
        self.next_transfer_id = (self.next_transfer_id + 1) % MODULUS
        self._output.write(frame)

    def _answer(self, delivery_id: int, verdict: Verdict, error: ServiceError | None) -> None:
        if error is not None:
            self._output.write(frames.rejection(self._channel, delivery_id, error, to_sender=False))
            return
        state = echo_of(verdict.settlement)
        self._output.write(frames.disposition(self._channel, delivery_id, state, to_sender=False))
        # The SDK's coroutines that settle at the same time each read a frame in their order, and one whose own answer
        # was read by another still reads on, for 200 ms when nothing comes: an empty frame ends its wait.
        self._output.write(frames.HEARTBEAT)
