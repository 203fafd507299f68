"""One TCP connection: protocol headers, login, open and close, and heartbeats."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from servicebus_local.amqp import codec
from servicebus_local.clock import Clock
from servicebus_local.errors import ProtocolViolation
from servicebus_local.wire import frames, performatives, sasl
from servicebus_local.wire.frame_reader import FrameReader
from servicebus_local.wire.link import Peer
from servicebus_local.wire.nodes import Nodes
from servicebus_local.wire.output import Output
from servicebus_local.wire.sessions import CHANNEL_MAX, Sessions

LOG = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """The server's end. Whoever connects is let in; what it may do is asked when it opens a link."""

    def __init__(
        self, nodes: Nodes, clock: Clock, idle_timeout: int, defer: Callable[[Callable[[], None]], object]
    ) -> None:
        self.lost: Callable[[Connection], None] = lambda _: None
        """Called when the connection is gone."""
        self._access = nodes.access
        self._clock = clock
        self._idle_timeout = idle_timeout
        self._peer_idle_timeout: int | None = None
        self._received_at = clock()
        self._in_sasl = self._is_open = False
        self._input = FrameReader(self._on_header, self._on_frame)
        self._output = Output(clock, defer)
        self._peer = Peer(self._output, clock, nodes.link_idle_limit)
        self._sessions = Sessions(self._peer, nodes)

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._output.connect(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, with or without a word."""
        if exc is not None:
            LOG.info("connection lost: %s", exc)
        self._output.disconnect()
        self._sessions.close(dropped=True)
        self.lost(self)

    def pause_writing(self) -> None:
        """The client does not keep up."""
        self._output.pause()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._output.resume()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._received_at = self._clock()
        try:
            self._input.feed(data)
        except ProtocolViolation as error:
            LOG.warning("a client broke the protocol: %s", error)
            self._fail(error.condition, str(error))
        except Exception:
            LOG.exception("a frame could not be handled")
            self._fail("amqp:internal-error", "The frame could not be handled; the namespace's log tells why.")

    # -- the namespace's clock, and its end

    def on_beat(self) -> None:
        """Keep the connection alive, or end it when the client is silent. Called several times a second."""
        now = self._clock()
        if now - self._received_at > 2 * self._idle_timeout:
            self._fail("amqp:connection:forced", "The connection was silent for longer than its idle time-out.")
        elif self._peer_idle_timeout is not None and now - self._output.written_at > self._peer_idle_timeout // 3:
            self._output.write(frames.HEARTBEAT)
        self._sessions.on_beat(now)

    def abort(self) -> None:
        """End the connection without a word. The broker is not told: it ends too, and its locks with it."""
        self._sessions.forget()
        self._output.abort()

    # -- headers and frames

    def _on_header(self, header: bytes) -> None:
        self._in_sasl = header == frames.SASL_HEADER
        if self._in_sasl:
            self._output.write(frames.SASL_HEADER)
            self._output.write(sasl.OFFER)
            return
        self._output.write(frames.AMQP_HEADER)
        if header != frames.AMQP_HEADER:
            raise ProtocolViolation("amqp:connection:framing-error", f"not an AMQP 1.0 header: {header!r}")

    def _on_frame(self, frame: memoryview) -> None:
        performative = performatives.decode(frame, sasl=self._in_sasl)
        if performative is None:
            return  # a heartbeat
        code, fields = performative
        if self._in_sasl:
            self._log_in(code, fields)
            return
        if (code == frames.OPEN) is self._is_open:
            raise ProtocolViolation("amqp:illegal-state", "a connection begins with open, which comes once")
        if code == frames.OPEN:
            self._on_open(fields)
        elif code == frames.CLOSE:
            self._sessions.close(dropped=False)
            self._close(codec.Close(None))
        else:
            self._sessions.on_frame(int.from_bytes(frame[6:8], "big"), code, fields)

    def _log_in(self, code: int, fields: list[Any]) -> None:
        claims = sasl.log_in(code, fields, self._access)
        self._output.write(sasl.outcome(accepted=claims is not None))
        self._input.awaits_header = True
        if claims is None:
            self._output.close()
        else:
            self._peer.claims |= claims

    def _on_open(self, fields: list[Any]) -> None:
        self._peer.frame_size = max(frames.MIN_FRAME_SIZE, min(fields[2], frames.MAX_FRAME_SIZE))
        self._peer_idle_timeout = fields[4] or None
        self._open()

    def _open(self) -> None:
        self._is_open = True
        self._output.write(
            codec.encode_frame(
                0,
                codec.Open(
                    container_id="servicebus-local",
                    hostname=None,
                    max_frame_size=frames.MAX_FRAME_SIZE,
                    channel_max=CHANNEL_MAX,
                    idle_timeout=self._idle_timeout,
                    outgoing_locales=None,
                    incoming_locales=None,
                    offered_capabilities=None,
                    desired_capabilities=None,
                    properties=None,
                ),
            )
        )

    # -- the end

    def _fail(self, condition: str, description: str) -> None:
        self._sessions.close(dropped=True)
        self._close(codec.Close(codec.error(condition, description)))

    def _close(self, performative: tuple[Any, ...]) -> None:
        if not self._in_sasl:
            if not self._is_open:  # nothing can be closed that was not opened
                self._open()
            self._output.write(codec.encode_frame(0, performative))
        self._output.close()
