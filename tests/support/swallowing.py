"""A TCP proxy that can be told to swallow what passes through it, as a firewall or a dead VPN does: nothing is closed,
every byte is acknowledged, and none arrives.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Proxy:
    """Stands between a client and a port of this machine.

    Attributes:
        swallows_requests: what clients send goes nowhere.
        swallows_answers: what the server sends goes nowhere.
        connections: how many were ever made.
        cut: how many of them the client's side has ended.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.port = 0
        self.swallows_requests = False
        self.swallows_answers = False
        self.connections = 0
        self.cut = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def swallow(self) -> None:
        """Let nothing through any more, on old connections and new ones."""
        self.swallows_requests = self.swallows_answers = True

    def mend(self) -> None:
        """Let new bytes through again. A connection that has lost some stays of no use, as in life."""
        self.swallows_requests = self.swallows_answers = False

    def before(self, connection_string: str) -> str:
        """Return the connection string of a local namespace, by way of this proxy."""
        return re.sub(r"(Endpoint=sb://[^:/;]+):\d+", rf"\1:{self.port}", connection_string)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        lost = asyncio.Event()
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        tasks = [
            asyncio.create_task(self._pass(reader, back, lost, requests=True)),
            asyncio.create_task(self._pass(there, writer, lost, requests=False)),
        ]
        self._tasks.update(tasks)
        try:
            # The client's end alone ends it while bytes are swallowed: a server that gives up is not heard either.
            await tasks[0]
            self.cut += 1
            if not (self.swallows_answers or lost.is_set()):
                await asyncio.wait([tasks[1]], timeout=1)
        finally:
            for task in tasks:
                task.cancel()
            for end in (writer, back):
                with contextlib.suppress(OSError):
                    end.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event, *, requests: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if self.swallows_requests if requests else self.swallows_answers:
                    lost.set()
                elif not lost.is_set():
                    writer.write(data)
                    await writer.drain()
            if not requests and not (self.swallows_answers or lost.is_set()):
                writer.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def proxy_before(port: int) -> AsyncIterator[Proxy]:
    """Run a proxy before a port of this machine."""
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.connected, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
