"""The local namespace as a child of the stack: started, asked, and ended with it."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from typing import Final

import httpx

from mti.stack.child import Child
from mti.stack.errors import NamespaceSilentError
from mti.stack.idle import EntityCounts
from mti.stack.launching.launcher import Launcher
from mti.stack.layout import Layout
from mti.stack.own_http import own_client

READY_WAIT: Final = 60.0
"""Seconds until a namespace is ready, or answers again after it was started again."""


class Bus:
    """The namespace's process and its administration.

    Args:
        launcher: starts processes.
        layout: the stack's folder.
    """

    def __init__(self, launcher: Launcher, layout: Layout) -> None:
        self._launcher = launcher
        self._layout = layout
        self._http: httpx.AsyncClient | None = None
        self.child: Child | None = None
        self.connection_string = ""

    @property
    def administration(self) -> httpx.AsyncClient:
        """The namespace's administration; there while it runs."""
        assert self._http is not None  # noqa: S101  started
        return self._http

    async def start(self, check: Callable[[], None]) -> None:
        """Start the namespace on ports that nobody listens on, and have what waits in it tried at once.

        Args:
            check: raises what made a process be given up, if one was.

        Raises:
            StackError: it does not come up.
        """
        port, http_port = await _free_ports(2)
        arguments = ["-m", "mti.stack.bus_process", str(self._layout.bus), str(port), str(http_port)]
        self.child = Child(self._launcher, "bus", arguments, {}, self._layout.logs / "bus.jsonl", announces=True)
        await self.child.start()
        ready = json.loads(await self.child.first_line(READY_WAIT))
        self.connection_string = ready["connection_string"]
        self._http = own_client(f"http://127.0.0.1:{ready['http_port']}", seconds=30)
        self._layout.running.write_text(json.dumps({**ready, "pid": os.getpid()}))
        await self._release(check)

    async def counts(self) -> dict[str, EntityCounts]:
        """Return the namespace's counts, all of one instant.

        Raises:
            NamespaceSilentError: it does not answer.
        """
        try:
            answer = await self.administration.get("/stats")
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise NamespaceSilentError(f"the local namespace does not answer: {error!r}") from error
        return {path: EntityCounts.model_validate(counts) for path, counts in answer.json().items()}

    async def _release(self, check: Callable[[], None]) -> None:
        """Have what waits behind a pause or for a retry tried at once: somebody started this run to see."""
        deadline = asyncio.get_running_loop().time() + READY_WAIT
        while True:
            try:
                (await self.administration.post("/scheduled/release")).raise_for_status()
            except httpx.HTTPError as error:
                check()
                if asyncio.get_running_loop().time() > deadline:
                    raise NamespaceSilentError(f"the local namespace does not answer: {error!r}") from error
                await asyncio.sleep(0.2)
            else:
                return

    async def stop(self) -> None:
        """End the namespace."""
        if self.child is not None:
            self.child.sample()
            await self.child.stop()

    async def close(self) -> None:
        """Close the administration, and say in the folder that nothing runs on it."""
        if self._http is not None:
            await self._http.aclose()
        self._layout.running.unlink(missing_ok=True)


async def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on, so that a namespace that is started again has the same ones."""
    async with contextlib.AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(_listener()) for _ in range(count)]
        return [server.sockets[0].getsockname()[1] for server in servers]


@contextlib.asynccontextmanager
async def _listener() -> AsyncIterator[asyncio.Server]:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    try:
        yield server
    finally:
        server.close()
        await server.wait_closed()
