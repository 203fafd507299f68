"""The namespace as a child process, for those who need it to live and die apart from them."""

import asyncio
import json
import sys
from asyncio.subprocess import Process
from pathlib import Path
from subprocess import PIPE
from types import TracebackType
from typing import Self


class NamespaceProcess:
    """Starts the namespace in a process of its own, which ends with this one.

        async with NamespaceProcess(config_path, data) as namespace:
            client = ServiceBusClient.from_connection_string(namespace.connection_string)

    Entering it raises `ChildProcessError` when the process ends before it is ready; its log, on stderr, tells why.
    """

    def __init__(self, config: Path, data: Path, port: int = 0, http_port: int = 0) -> None:
        self._arguments = (
            "--config",
            str(config),
            "--data",
            str(data),
            "--port",
            str(port),
            "--http-port",
            str(http_port),
            "--until-stdin-closes",
        )
        self._process: Process | None = None
        self.port = port
        self.http_port = http_port
        self.connection_string = ""

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "servicebus_local", *self._arguments, stdin=PIPE, stdout=PIPE
        )
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        line = await self._process.stdout.readline()
        if not line:
            raise ChildProcessError(f"the local namespace ended with status {await self._process.wait()}")
        ready = json.loads(line)
        self.port, self.http_port = ready["port"], ready["http_port"]
        self.connection_string = ready["connection_string"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    @property
    def exit_status(self) -> int | None:
        """How it ended; None while it runs."""
        return None if self._process is None else self._process.returncode

    async def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
