"""An embedded stack in a folder, as an operator has it: `mti up` beside commands on the same folder."""

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from mti.stack.layout import Layout
from tests.support.cli import Said, mti, start, up


@contextmanager
def taken(layout: Layout) -> Iterator[None]:
    """Hold the lock on a folder, as who works on it does."""
    with layout.lock.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def say_it_runs(layout: Layout, http_port: int, connection_string: str) -> None:
    """Say of a folder that a stack of this process runs there, with a namespace at that address."""
    layout.running.write_text(
        json.dumps({"port": 1, "http_port": http_port, "connection_string": connection_string, "pid": os.getpid()})
    )


class EmbeddedStack:
    """Runs commands on one folder, and the stack without an end.

    Args:
        folder: where `tenants.yaml` is, and the data will be.
        env: the secrets that the tenants file names.

    Attributes:
        result: what the stack said, as JSON, when it was ended last.
    """

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.tenants, self.data = folder / "tenants.yaml", folder / "data"
        self.env = {**env, "MTI_FETCHER_SCHEDULE_SECONDS": "1"}
        self.result: dict[str, Any] = {}

    async def __call__(self, *words: str) -> Said:
        """Run a command on the folder."""
        return await mti(*words, "--data", self.data, env=self.env)

    async def up(self, tenants: Path | None = None) -> Said:
        """Run the stack until it is drained."""
        return await mti(*up(tenants or self.tenants, self.data), env=self.env)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the stack without an end; it has to end well when it is asked to."""
        words = ("up", "--tenants", self.tenants, "--data", self.data, "--allow-loopback", "--json")
        process = await start(*words, env=self.env)
        output = asyncio.create_task(process.communicate())
        try:
            yield
        finally:
            process.terminate()
            out, err = await output
        assert process.returncode == 0, err.decode()
        self.result = json.loads(out)
