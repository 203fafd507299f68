"""AMQP over WebSockets: an HTTP upgrade, after which the bytes of an AMQP connection lie in binary messages.

Where frames begin and messages end is independent, as in
https://docs.oasis-open.org/amqp-bindmap/amqp-wsb/v1.0/amqp-wsb-v1.0.html. aiohttp, which serves the administration too,
does the framing, and answers pings and closes.
"""

import asyncio
from collections.abc import Callable

from aiohttp import ClientError, WSCloseCode, WSMsgType, web

PATHS = ("/$servicebus/websocket", "/$servicebus/websocket/")
"""Where the service has it; clients differ in the slash."""
SUBPROTOCOLS = ("AMQPWSB10", "amqp")
_MESSAGE_SIZE = 64 * 1024
"""Bytes of a message that we send; some clients refuse long ones."""
_FAREWELL = 2.0
"""Seconds that a client has to answer our close."""


class WebSockets:
    """Gives what comes in at each WebSocket to an AMQP connection of its own."""

    def __init__(self, amqp: Callable[[], asyncio.Protocol]) -> None:
        self._amqp = amqp

    def serve_in(self, application: web.Application) -> None:
        """Add the routes."""
        for path in PATHS:
            application.router.add_get(path, self._serve)

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        if not {each.strip() for each in offered.split(",")} & set(SUBPROTOCOLS):
            raise web.HTTPBadRequest(text=f"The subprotocol must be {' or '.join(SUBPROTOCOLS)}, not {offered!r}.")
        socket = web.WebSocketResponse(protocols=SUBPROTOCOLS, compress=False, timeout=_FAREWELL)
        await socket.prepare(request)
        amqp = self._amqp()
        transport = _WebSocketTransport(socket, request.transport, amqp)
        amqp.connection_made(transport)
        sending = asyncio.create_task(transport.send())
        try:
            await _receive(socket, transport, amqp)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            amqp.connection_lost(transport.failure)
        return socket


async def _receive(socket: web.WebSocketResponse, transport: "_WebSocketTransport", amqp: asyncio.Protocol) -> None:
    async for message in socket:
        if message.type is not WSMsgType.BINARY:
            await socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"AMQP comes in binary messages")
        elif not transport.is_closing():
            amqp.data_received(message.data)


class _WebSocketTransport(asyncio.Transport):
    """A WebSocket as an AMQP connection sees it: a stream of bytes."""

    def __init__(
        self, socket: web.WebSocketResponse, lower: asyncio.Transport | None, protocol: asyncio.Protocol
    ) -> None:
        super().__init__()
        self._socket = socket
        self._lower = lower
        self._protocol = protocol
        self._waiting = bytearray()
        self._something_to_do = asyncio.Event()
        self._closing = False
        self._paused = False
        self._high = self._low = _MESSAGE_SIZE

    @property
    def failure(self) -> Exception | None:
        """Why the connection was lost, when nobody closed it."""
        error = self._socket.exception()
        return error if isinstance(error, Exception) and not self._closing else None

    async def send(self) -> None:
        """Send what is written, until the transport is closed or the client is gone."""
        try:
            while not self._closing or self._waiting:
                await self._something_to_do.wait()
                self._something_to_do.clear()
                await self._send_waiting()
            await self._socket.close()
        except (ClientError, ConnectionError):
            self._closing = True  # who receives sees it too

    async def _send_waiting(self) -> None:
        while self._waiting:
            message = bytes(self._waiting[:_MESSAGE_SIZE])
            await self._socket.send_bytes(message)
            del self._waiting[: len(message)]
            if self._paused and len(self._waiting) <= self._low:
                self._paused = False
                self._protocol.resume_writing()

    # -- asyncio.Transport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes, soon."""
        if self._closing:
            return
        self._waiting += data
        self._something_to_do.set()
        if not self._paused and len(self._waiting) > self._high:
            self._paused = True
            self._protocol.pause_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """From how many waiting bytes on the protocol is asked to pause, and when to resume."""
        self._high = _MESSAGE_SIZE if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_size(self) -> int:
        """How many bytes wait."""
        return len(self._waiting)

    def is_closing(self) -> bool:
        """Whether nothing more is taken."""
        return self._closing

    def close(self) -> None:
        """Close once all that was written is sent."""
        self._closing = True
        self._something_to_do.set()

    def abort(self) -> None:
        """Cut the connection."""
        self._closing = True
        if self._lower is not None:
            self._lower.abort()
