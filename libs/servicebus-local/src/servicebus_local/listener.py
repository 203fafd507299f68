"""One listener for all: on each port, AMQP or HTTP, plain or over TLS, told apart by the first bytes that come.

The SDK's administration client always speaks https, also to an emulator, and its messaging client of an emulator speaks
plain AMQP; here both can be given the same connection string.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine

LOG = logging.getLogger(__name__)
_TLS_HANDSHAKE = 0x16
_AMQP = b"A"
_BACKLOG = 128
_PATIENCE = 120.0
"""Seconds that a client may be silent before it says the first word."""

Factory = Callable[[], asyncio.Protocol]


class Listener:
    """Listens, and gives each connection to the protocol that it speaks."""

    def __init__(self, amqp: Factory, http: Factory, tls: ssl.SSLContext) -> None:
        self._amqp = amqp
        self._http = http
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, host: str, port: int) -> int:
        """Listen; returns the port. Raises `OSError` when it is taken."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        server = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        server.setblocking(False)
        self._keep(self._accept(server))
        return int(server.getsockname()[1])

    async def close(self) -> None:
        """Listen no longer."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, server: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with server:
            while True:
                try:
                    connection, _ = await loop.sock_accept(server)
                except OSError as error:  # out of descriptors: those who wait are not forgotten by the kernel
                    LOG.warning("a connection could not be accepted: %s", error)
                    await asyncio.sleep(0.1)
                    continue
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._keep(self._welcome(connection))

    async def _welcome(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_PATIENCE):
                first = await _first_byte(loop, connection)
            if not first:
                connection.close()
                return
            tls = self._tls if first[0] == _TLS_HANDSHAKE else None
            await loop.connect_accepted_socket(self._choose, connection, ssl=tls)
        except (OSError, TimeoutError) as error:
            LOG.info("a connection was not established: %s", error)
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise

    def _choose(self) -> asyncio.Protocol:
        return _Chooser(self._amqp, self._http)


async def _first_byte(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> bytes:
    readable: asyncio.Future[None] = loop.create_future()
    loop.add_reader(connection, _resolve, readable)
    try:
        await readable
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)


def _resolve(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


class _Chooser(asyncio.Protocol):
    """Hands the connection over once it knows who is meant."""

    def __init__(self, amqp: Factory, http: Factory) -> None:
        self._amqp = amqp
        self._http = http
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        chosen = self._amqp() if data[:1] == _AMQP else self._http()
        if self._transport is not None:
            self._transport.set_protocol(chosen)
            chosen.connection_made(self._transport)
            chosen.data_received(data)
