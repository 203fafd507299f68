"""The sessions of one connection by their channels, from begin to end."""

import logging
from collections.abc import Callable
from typing import Any

from servicebus_local.amqp import codec
from servicebus_local.errors import ProtocolViolation, SessionViolation
from servicebus_local.wire import frames
from servicebus_local.wire.link import Peer
from servicebus_local.wire.nodes import Nodes
from servicebus_local.wire.session import Session

LOG = logging.getLogger(__name__)
CHANNEL_MAX = 4999
_LATE = {frames.DETACH, frames.FLOW, frames.DISPOSITION}
"""What the SDK may still send for a session that it has ended."""


class Sessions:
    """Gives each frame to its session."""

    def __init__(self, peer: Peer, nodes: Nodes) -> None:
        self._peer = peer
        self._nodes = nodes
        self._open: dict[int, Session] = {}
        peer.sessions = self._open
        peer.output.on_room = self._use_room
        self._ended: set[int] = set()
        self._discarding: set[int] = set()
        self._handlers: dict[int, Callable[[int, list[Any]], None]] = {
            frames.BEGIN: self._on_begin,
            frames.END: self._on_end,
            frames.ATTACH: lambda channel, fields: self._session(channel).on_attach(fields),
            frames.FLOW: lambda channel, fields: self._session(channel).on_flow(fields),
            frames.TRANSFER: lambda channel, fields: self._session(channel).on_transfer(fields),
            frames.DISPOSITION: lambda channel, fields: self._session(channel).on_disposition(fields),
            frames.DETACH: lambda channel, fields: self._session(channel).on_detach(fields),
        }

    def on_frame(self, channel: int, code: int, fields: list[Any]) -> None:
        """A frame came that is neither open nor close. Raises `ProtocolViolation`."""
        if (channel in self._ended and code in _LATE) or self._is_discarded(channel, code):
            return
        try:
            self._handlers[code](channel, fields)
        except SessionViolation as error:
            LOG.warning("a client broke the rules of a session: %s", error)
            self._open.pop(channel).close(dropped=False)
            self._discarding.add(channel)
            self._end(channel, codec.End(codec.error(error.condition, str(error))))

    def on_beat(self, now: int) -> None:
        """Close links that nobody uses or may use any longer."""
        for session in list(self._open.values()):
            session.on_beat(now)

    def close(self, *, dropped: bool) -> None:
        """All sessions are gone."""
        for session in list(self._open.values()):
            session.close(dropped=dropped)
        self._open.clear()

    def forget(self) -> None:
        """All sessions are gone, and the broker is not told."""
        self._open.clear()

    def _use_room(self) -> None:
        for session in list(self._open.values()):
            session.use_room()

    def _is_discarded(self, channel: int, code: int) -> bool:
        """Whether the frame is for a session that we ended: what comes before the client's end goes nowhere."""
        if channel not in self._discarding:
            return False
        if code == frames.END:
            self._discarding.discard(channel)
            self._ended.add(channel)
        return True

    def _on_begin(self, channel: int, fields: list[Any]) -> None:
        if channel > CHANNEL_MAX:
            raise ProtocolViolation("amqp:connection:framing-error", f"channel {channel} is above {CHANNEL_MAX}")
        if channel in self._open:
            raise ProtocolViolation("amqp:illegal-state", f"channel {channel} has a session already")
        self._ended.discard(channel)
        self._open[channel] = Session(self._peer, self._nodes, channel, fields)

    def _on_end(self, channel: int, _: list[Any]) -> None:
        self._session(channel).close(dropped=False)
        del self._open[channel]
        self._ended.add(channel)
        self._end(channel, codec.End(None))

    def _end(self, channel: int, performative: tuple[Any, ...]) -> None:
        self._peer.output.write(codec.encode_frame(channel, performative))

    def _session(self, channel: int) -> Session:
        session = self._open.get(channel)
        if session is None:
            raise ProtocolViolation("amqp:not-allowed", f"channel {channel} has no session")
        return session
