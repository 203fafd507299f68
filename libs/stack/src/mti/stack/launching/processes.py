"""A process that was started: what is used of `asyncio.subprocess.Process`, for one that was forked elsewhere."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Sequence
from typing import Protocol, Self

from mti.stack.launching.lifeline import ORPHANED


class Process(Protocol):
    """A process; `asyncio.subprocess.Process` is one."""

    stdout: asyncio.StreamReader | None
    stderr: asyncio.StreamReader | None

    @property
    def pid(self) -> int:
        """Its id."""
        ...

    @property
    def returncode(self) -> int | None:
        """How it ended, by a signal when it is negative; `None` while it runs."""
        ...

    async def wait(self) -> int:
        """Wait for its end and return its status."""
        ...

    async def communicate(self) -> tuple[bytes, bytes]:
        """Wait for its end and return what it said on the streams that are pipes."""
        ...

    def send_signal(self, signal: int) -> None:
        """Send it a signal."""
        ...

    def terminate(self) -> None:
        """Send SIGTERM."""
        ...

    def kill(self) -> None:
        """Send SIGKILL."""
        ...


class Pipe(asyncio.StreamReaderProtocol):
    """The end of a pipe that is read here."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self.reader = reader
        self._pipe: asyncio.BaseTransport | None = None
        self._all_read = asyncio.Event()

    @classmethod
    async def open(cls, descriptor: int) -> Self:
        """Read from a descriptor, which is closed at its end."""
        file = os.fdopen(descriptor, "rb", 0)
        _, pipe = await asyncio.get_running_loop().connect_read_pipe(lambda: cls(asyncio.StreamReader()), file)
        return pipe

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, to close it."""
        super().connection_made(transport)
        self._pipe = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        super().connection_lost(exc)
        self._all_read.set()

    async def ended(self) -> None:
        """Wait until all was read."""
        await self._all_read.wait()

    def close(self) -> None:
        """Close it, whatever there is still to read."""
        if self._pipe is not None:
            self._pipe.close()


class ForkedProcess:
    """A process that a fork server has forked for us.

    Args:
        pid: its id.
        report: by which the server tells its exit status.
        told: the same connection, to be closed.
        line: its lifeline; its end is the end of the process.
        pipes: standard output and error, where they are read here.
    """

    def __init__(
        self,
        pid: int,
        report: asyncio.StreamReader,
        told: asyncio.StreamWriter,
        line: socket.socket,
        pipes: Sequence[Pipe | None],
    ) -> None:
        self.pid = pid
        self.stdout, self.stderr = (pipe.reader if pipe is not None else None for pipe in pipes)
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        read = [pipe for pipe in pipes if pipe is not None]
        self._watching = asyncio.create_task(self._watch(report, told, line, read), name=f"watch {pid}")

    @property
    def returncode(self) -> int | None:
        """See `Process`."""
        return self._ended.result() if self._ended.done() and not self._ended.cancelled() else None

    async def wait(self) -> int:
        """See `Process`."""
        return await asyncio.shield(self._ended)

    async def communicate(self) -> tuple[bytes, bytes]:
        """See `Process`."""
        out, err, _ = await asyncio.gather(_all(self.stdout), _all(self.stderr), self.wait())
        return out, err

    def send_signal(self, signal: int) -> None:
        """See `Process`."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal)

    def terminate(self) -> None:
        """See `Process`."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """See `Process`."""
        self.send_signal(signal.SIGKILL)

    async def _watch(
        self, report: asyncio.StreamReader, told: asyncio.StreamWriter, line: socket.socket, pipes: Sequence[Pipe]
    ) -> None:
        """Hold the lifeline until it has ended; cancelled with the loop, let it go, so that it ends as well."""
        try:
            with line, contextlib.closing(told):
                said = await _line(report)
                if said is None:
                    # The server is gone, and nobody will ever know the status: let the process go, and see it go.
                    line.shutdown(socket.SHUT_WR)
                    with contextlib.suppress(OSError):
                        await asyncio.get_running_loop().sock_recv(line, 1)
            self._ended.set_result(ORPHANED if said is None else said)
            for pipe in pipes:
                await pipe.ended()
        finally:
            for pipe in pipes:
                pipe.close()
            self._ended.cancel()


async def _line(report: asyncio.StreamReader) -> int | None:
    try:
        said = await report.readline()
    except OSError:
        return None
    return int(said) if said else None


async def _all(stream: asyncio.StreamReader | None) -> bytes:
    return b"" if stream is None else await stream.read()
