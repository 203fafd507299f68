"""One TCP connection: protocol headers, SASL, frames, heartbeats, and the sessions on it."""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from servicebus_local.access import Claim
from servicebus_local.amqp import codec
from servicebus_local.clock import Clock
from servicebus_local.errors import ProtocolViolation, SessionViolation, Unauthorized
from servicebus_local.wire import frames, performatives
from servicebus_local.wire.session import Session

if TYPE_CHECKING:
    from servicebus_local.wire.nodes import Nodes

LOG = logging.getLogger(__name__)
_ROOM = 256 * 1024
"""Bytes that may wait in this process for a client; beyond that its messages stay in the storage."""
_PLAIN = b"PLAIN"
_LOGIN = "\0login "
"""Where the claims of SASL stand among those of tokens: no path begins like this."""
_MECHANISMS = [b"MSSBCBS", _PLAIN, b"ANONYMOUS", b"EXTERNAL"]
_CHANNEL_MAX = 4999
_LATE = {frames.DETACH, frames.FLOW, frames.DISPOSITION}
"""What the SDK may still send for a session that it has ended."""


class Connection(asyncio.Protocol):
    """The server's end. Whoever connects is let in; what it may do is asked when it opens a link."""

    def __init__(
        self, nodes: "Nodes", clock: Clock, idle_timeout: int, defer: Callable[[Callable[[], None]], object]
    ) -> None:
        self.nodes = nodes
        self.clock = clock
        self.peer_frame_size = frames.MAX_FRAME_SIZE
        self.lost: Callable[[Connection], None] = lambda _: None
        """Called when the connection is gone."""
        self.claims: dict[str, Claim] = {}
        """What the client's tokens allow, by the path that each was put for, and what its login does."""
        self._idle_timeout = idle_timeout
        self._defer = defer
        self._transport: asyncio.Transport | None = None
        self._sessions: dict[int, Session] = {}
        self._ended: set[int] = set()
        self._discarding: set[int] = set()
        self._input = b""
        self._awaits_header = True
        self._in_sasl = self._opened = False
        self._output: list[bytes] = []
        self._pending = 0
        self._paused = False
        self._peer_idle_timeout: int | None = None
        self._last_input = self._last_output = clock()
        self._handlers: dict[int, Callable[[int, list[Any]], None]] = {
            frames.OPEN: self._on_open,
            frames.BEGIN: self._on_begin,
            frames.END: self._on_end,
            frames.CLOSE: self._on_close,
            frames.ATTACH: lambda channel, fields: self._session(channel).on_attach(fields),
            frames.FLOW: lambda channel, fields: self._session(channel).on_flow(fields),
            frames.TRANSFER: lambda channel, fields: self._session(channel).on_transfer(fields),
            frames.DISPOSITION: lambda channel, fields: self._session(channel).on_disposition(fields),
            frames.DETACH: lambda channel, fields: self._session(channel).on_detach(fields),
        }

    @property
    def sessions(self) -> list[Session]:
        """The sessions that are open."""
        return list(self._sessions.values())

    # -- output

    def write(self, data: bytes) -> None:
        """Send bytes; what is written in one turn of the loop leaves together."""
        if not self._output:
            self._defer(self._flush)
        self._output.append(data)
        self._pending += len(data)

    def reserve(self, size: int) -> None:
        """Count bytes that will be written; negative once they are."""
        self._pending += size

    @property
    def has_room(self) -> bool:
        """Whether the client keeps up with what is sent to it."""
        return self._transport is not None and not self._paused and self._pending < _ROOM

    def _flush(self) -> None:
        data = b"".join(self._output)
        self._output.clear()
        was_full = self._pending >= _ROOM
        self._pending -= len(data)
        if self._transport is not None and not self._transport.is_closing():
            self._last_output = self.clock()
            self._transport.write(data)
            if was_full and not self._paused:
                self._use_room()

    def _use_room(self) -> None:
        for session in self.sessions:
            session.use_room()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        transport.set_write_buffer_limits(high=4 * _ROOM)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, with or without a word."""
        if exc is not None:
            LOG.info("connection lost: %s", exc)
        self._transport = None
        self._end_all(dropped=True)
        self.lost(self)

    def pause_writing(self) -> None:
        """The client does not keep up."""
        self._paused = True

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._paused = False
        self._use_room()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._last_input = self.clock()
        try:
            self._consume(self._input + data if self._input else data)
        except ProtocolViolation as error:
            LOG.warning("a client broke the protocol: %s", error)
            self._fail(error.condition, str(error))
        except Exception:
            LOG.exception("a frame could not be handled")
            self._fail("amqp:internal-error", "The frame could not be handled; the namespace's log tells why.")

    def on_beat(self) -> None:
        """Keep the connection alive, or end it when the client is silent. Called several times a second."""
        now = self.clock()
        if now - self._last_input > 2 * self._idle_timeout:
            self._fail("amqp:connection:forced", "The connection was silent for longer than its idle time-out.")
        elif self._peer_idle_timeout is not None and now - self._last_output > self._peer_idle_timeout // 3:
            self.write(frames.HEARTBEAT)
        for session in self.sessions:
            session.on_beat(now)

    def abort(self) -> None:
        """End the connection without a word. The broker is not told: it ends too, and its locks with it."""
        self._sessions.clear()
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    # -- input

    def _consume(self, data: bytes) -> None:
        view, position = memoryview(data), 0
        while len(data) - position >= frames.HEADER_SIZE:
            if self._awaits_header:
                self._on_header(data[position : position + frames.HEADER_SIZE])
                position += frames.HEADER_SIZE
                continue
            size = int.from_bytes(view[position : position + 4], "big")
            if not frames.HEADER_SIZE <= size <= frames.MAX_FRAME_SIZE:
                raise ProtocolViolation("amqp:connection:framing-error", f"a frame of {size} bytes")
            if len(data) - position < size:
                break
            self._on_frame(view[position : position + size])
            position += size
        self._input = data[position:]

    def _on_header(self, header: bytes) -> None:
        self._awaits_header = False
        self._in_sasl = header == frames.SASL_HEADER
        if self._in_sasl:
            self.write(frames.SASL_HEADER)
            self.write(codec.encode_frame(0, codec.SaslMechanisms(_MECHANISMS), sasl=True))
            return
        self.write(frames.AMQP_HEADER)
        if header != frames.AMQP_HEADER:
            raise ProtocolViolation("amqp:connection:framing-error", f"not an AMQP 1.0 header: {header!r}")

    def _on_frame(self, frame: memoryview) -> None:
        performative = performatives.decode(frame, sasl=self._in_sasl)
        if performative is None:
            return  # a heartbeat
        code, fields = performative
        if self._in_sasl:
            self._on_sasl(code, fields)
            return
        if (code == frames.OPEN) is self._opened:
            raise ProtocolViolation("amqp:illegal-state", "a connection begins with open, which comes once")
        channel = int.from_bytes(frame[6:8], "big")
        if (channel in self._ended and code in _LATE) or self._is_discarded(channel, code):
            return
        try:
            self._handlers[code](channel, fields)
        except SessionViolation as error:
            LOG.warning("a client broke the rules of a session: %s", error)
            self._sessions.pop(channel).close(dropped=False)
            self._discarding.add(channel)
            self.write(codec.encode_frame(channel, codec.End(codec.error(error.condition, str(error)))))

    def _is_discarded(self, channel: int, code: int) -> bool:
        """Whether the frame is for a session that we ended: what comes before the client's end goes nowhere."""
        if channel not in self._discarding or code == frames.CLOSE:
            return False
        if code == frames.END:
            self._discarding.discard(channel)
            self._ended.add(channel)
        return True

    def _on_sasl(self, code: int, fields: list[Any]) -> None:
        if code != frames.SASL_INIT:
            raise ProtocolViolation("amqp:not-allowed", f"unexpected SASL frame {code:#x}")
        known = fields[0] in _MECHANISMS and (fields[0] != _PLAIN or self._log_in(fields[1] or b""))
        outcome = codec.SaslOutcome(frames.SASL_OK if known else frames.SASL_REFUSED, None)
        self.write(codec.encode_frame(0, outcome, sasl=True))
        self._awaits_header = True
        if not known:
            self._hang_up()

    def _log_in(self, response: bytes) -> bool:
        """Take the name and key of a shared access rule: https://www.rfc-editor.org/rfc/rfc4616."""
        access = self.nodes.access
        if access.is_open:
            return True
        try:
            _, name, key = response.decode().split("\0")
            found = access.claims_of(name, key)
        except (ValueError, Unauthorized):  # what was shown stays unsaid
            LOG.warning("a client showed a name and key that no shared access rule has")
            return False
        self.claims |= {f"{_LOGIN}{number}": claim for number, claim in enumerate(found)}
        return True

    def _on_open(self, _: int, fields: list[Any]) -> None:
        self.peer_frame_size = max(frames.MIN_FRAME_SIZE, min(fields[2], frames.MAX_FRAME_SIZE))
        self._peer_idle_timeout = fields[4] or None
        self._open()

    def _open(self) -> None:
        self._opened = True
        self.write(
            codec.encode_frame(
                0,
                codec.Open(
                    container_id="servicebus-local",
                    hostname=None,
                    max_frame_size=frames.MAX_FRAME_SIZE,
                    channel_max=_CHANNEL_MAX,
                    idle_timeout=self._idle_timeout,
                    outgoing_locales=None,
                    incoming_locales=None,
                    offered_capabilities=None,
                    desired_capabilities=None,
                    properties=None,
                ),
            )
        )

    def _on_begin(self, channel: int, fields: list[Any]) -> None:
        if channel > _CHANNEL_MAX:
            raise ProtocolViolation("amqp:connection:framing-error", f"channel {channel} is above {_CHANNEL_MAX}")
        if channel in self._sessions:
            raise ProtocolViolation("amqp:illegal-state", f"channel {channel} has a session already")
        self._ended.discard(channel)
        self._sessions[channel] = Session(self, channel, fields)

    def _on_end(self, channel: int, _: list[Any]) -> None:
        self._session(channel).close(dropped=False)
        del self._sessions[channel]
        self._ended.add(channel)
        self.write(codec.encode_frame(channel, codec.End(None)))

    def _on_close(self, _: int, __: list[Any]) -> None:
        self._end_all(dropped=False)
        self._close(codec.Close(None))

    def _session(self, channel: int) -> Session:
        session = self._sessions.get(channel)
        if session is None:
            raise ProtocolViolation("amqp:not-allowed", f"channel {channel} has no session")
        return session

    # -- the end

    def _fail(self, condition: str, description: str) -> None:
        self._end_all(dropped=True)
        self._close(codec.Close(codec.error(condition, description)))

    def _close(self, performative: tuple[Any, ...]) -> None:
        if not self._in_sasl:
            if not self._opened:  # nothing can be closed that was not opened
                self._open()
            self.write(codec.encode_frame(0, performative))
        self._hang_up()

    def _hang_up(self) -> None:
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _end_all(self, *, dropped: bool) -> None:
        for session in self.sessions:
            session.close(dropped=dropped)
        self._sessions.clear()
