"""Starts programs: by a fork server where that is safe, each by itself where it is not."""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import DEVNULL, PIPE
from types import TracebackType
from typing import Final, Self

from mti.stack.launching.processes import ForkedProcess, Pipe, Process
from mti.stack.launching.request import Request
from mti.stack.launching.servers import SHARED, Server, ServerGoneError, StartedServer

log = logging.getLogger(__name__)

FORKING: Final = sys.platform == "linux"
"""Whether a fork is safe here."""


class Launcher:
    """Starts programs that end with this process, however it ends.

    Make one where programs are started, and close it when they have ended.

    Args:
        modules: what the programs import, so that it is imported once for all of them, by a fork server that is started
            with the first program. With none, and where this process shares a fork server, no other is started.
        forking: by a fork server where there is one, or each program by itself.
    """

    def __init__(self, modules: Sequence[str] = (), *, forking: bool = FORKING) -> None:
        self.own = StartedServer(modules) if modules else None
        """The fork server that is used where none is shared."""
        self._forking = forking
        self._lines: set[asyncio.Task[None]] = set()

    async def start(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        stdin: int = DEVNULL,
        stdout: int = DEVNULL,
        stderr: int | None = None,
        new_session: bool = False,
        serving: bool = False,
    ) -> Process:
        """Start a program.

        Args:
            arguments: as `python` takes them: `-m MODULE …` or `SCRIPT …`.
            environment: all of it; that of this process when not given.
            folder: its working directory; that of this process when not given.
            stdin: `DEVNULL` or a descriptor.
            stdout: `PIPE`, `DEVNULL` or a descriptor.
            stderr: the same; that of this process when not given.
            new_session: apart from this terminal, so that Ctrl-C does not reach it.
            serving: it starts programs itself, and has them forked from what is imported already.
        """
        request = Request(
            list(arguments),
            dict(os.environ if environment is None else environment),
            str(folder or Path.cwd()),
            new_session,
            serving,
        )
        streams = (stdin, stdout, 2 if stderr is None else stderr)
        server = SHARED.server or self.own
        if self._forking and server is not None and not _concerns_python(request.environment):
            try:
                return await _forked(server, request, streams)
            except ServerGoneError as error:
                # What it had started ends, and is started again by who keeps it.
                server.forget()
                log.warning("the fork server is gone, and %s is started without it: %s", " ".join(arguments), error)
        return await self._alone(request, streams)

    def close(self) -> None:
        """End the launcher's own fork server; what it has started and still runs ends as well."""
        if self.own is not None:
            self.own.forget()

    async def _alone(self, request: Request, streams: Sequence[int]) -> Process:
        line, held = socket.socketpair()
        with held:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "mti.stack.launching",
                str(held.fileno()),
                *request.arguments,
                stdin=streams[0],
                stdout=streams[1],
                stderr=streams[2],
                env=request.environment,
                cwd=request.folder,
                start_new_session=request.new_session,
                pass_fds=[held.fileno()],
            )
        task = asyncio.create_task(_hold(line, process))
        self._lines.add(task)
        task.add_done_callback(self._lines.discard)
        return process


def _concerns_python(environment: Mapping[str, str]) -> bool:
    """Say whether an environment tells Python itself, as it begins, something else than ours: a fork has begun."""

    def python_variables(variables: Mapping[str, str]) -> dict[str, str]:
        # How streams are buffered is no matter: those of a fork are written line by line.
        return {
            name: value for name, value in variables.items() if name.startswith("PYTHON") and name != "PYTHONUNBUFFERED"
        }

    return python_variables(environment) != python_variables(os.environ)


async def _forked(server: Server, request: Request, streams: Sequence[int]) -> Process:
    report, theirs = socket.socketpair()
    line, held = socket.socketpair()
    line.setblocking(False)
    opened = _Streams(streams)
    writer: asyncio.StreamWriter | None = None
    try:
        with held, theirs, opened:
            socket.send_fds(server.reached(), [b"+"], [*opened.given, held.fileno(), theirs.fileno()])
        reader, writer = await asyncio.open_unix_connection(sock=report)
        writer.write(request.encoded())
        if not (said := await reader.readline()):
            raise ServerGoneError("it ended before it forked")
        return ForkedProcess(int(said), reader, writer, line, await opened.read())
    except BaseException as error:
        (report if writer is None else writer).close()
        line.close()
        opened.abandon()
        if isinstance(error, OSError):
            raise ServerGoneError(*error.args) from error
        raise


async def _hold(line: socket.socket, process: asyncio.subprocess.Process) -> None:
    with line:
        await process.wait()


class _Streams:
    """The standard streams of a program: what it is given, and what is read here."""

    def __init__(self, wanted: Sequence[int]) -> None:
        self._reading: list[int | None] = []
        self._opened: list[int] = []
        self.given: list[int] = []
        for stream in wanted:
            self._add(stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close here what was opened for the program."""
        for descriptor in self._opened:
            os.close(descriptor)

    def abandon(self) -> None:
        """Close what nobody will read."""
        reading, self._reading = self._reading, []
        for descriptor in reading:
            if descriptor is not None:
                os.close(descriptor)

    async def read(self) -> list[Pipe | None]:
        """Return standard output and error, where they are pipes."""
        reading, self._reading = self._reading, []
        return [None if descriptor is None else await Pipe.open(descriptor) for descriptor in reading[1:]]

    def _add(self, stream: int) -> None:
        ours: int | None = None
        if stream == PIPE:
            ours, stream = os.pipe()
            self._opened.append(stream)
        elif stream == DEVNULL:
            stream = os.open(os.devnull, os.O_RDWR)
            self._opened.append(stream)
        self._reading.append(ours)
        self.given.append(stream)
