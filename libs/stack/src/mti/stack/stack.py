"""Starts the processes, looks at them, and ends them."""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx

from mti.common.adapters.sqlite import SqliteStore
from mti.common.hosting.starting import patiently
from mti.common.ports.clock import SystemClock
from mti.common.registry import RegistryProvider
from mti.operations.migration import is_needed, migrate
from mti.operations.stores import SERVICES, Stores
from mti.stack.child import Child
from mti.stack.errors import NamespaceSilentError, StackError
from mti.stack.idle import EntityCounts
from mti.stack.latecomers import Latecomers
from mti.stack.launching.launcher import Launcher
from mti.stack.layout import TENANTS_SECONDS, LastRun, Layout
from mti.stack.own_http import own_client

log = logging.getLogger(__name__)

MODULES = (
    "mti.stack.layout",
    "servicebus_local.config",
    "servicebus_local.namespace",
    "servicebus_local.serving",
    *(f"mti.{service}.worker" for service in SERVICES),
    "mti.publisher.sentinel.credentials",
)
"""What the processes of a stack import: once, by the process that all of them are forked from."""
READY_WAIT = 60.0
LOCK_WAIT = 15.0
STORES_WAIT = 300.0
TENANT_PAUSE_SECONDS = "5"
"""Until a message of a paused tenant is looked at again, for the same reasons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """What a person says when starting the stack."""

    tenants: Path
    data: Path
    registry: RegistryProvider
    """The tenants file, loaded; a live one, where changes are to be seen."""
    run_started: datetime
    """What was paused before this is probed at once."""
    allow_loopback: bool = False
    until_idle: bool = False
    scale: Mapping[str, int] = field(default_factory=dict)
    """Processes of a service, one where it is not named."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the services' environment."""


class EmbeddedStack:
    """The whole pipeline on one folder. Use it as an asynchronous context."""

    def __init__(self, options: StackOptions) -> None:
        self.options = options
        self.layout = Layout(options.data)
        self.connection_string = ""
        self._launcher = Launcher(MODULES)
        self.bus: Child | None = None
        self.services: list[Child] = []
        self.latecomers = Latecomers(self.layout.routes, self.layout.database("normalizer"))
        self._lock: IO[str] | None = None
        self._http: httpx.AsyncClient | None = None

    @property
    def children(self) -> list[Child]:
        """All processes."""
        return [*([self.bus] if self.bus else []), *self.services]

    async def __aenter__(self) -> Self:
        """Start everything.

        Raises:
            StackError: another stack works on the folder, or a process does not come up.
        """
        self.layout.make()
        try:
            await self._take_folder()
            self.layout.remember(
                LastRun(tenants=self.options.tenants.absolute(), allow_loopback=self.options.allow_loopback)
            )
            await self._migrate_patiently()
            await self._start_bus()
            # Before the services: what they make from now on goes every way that there is now.
            await self.latecomers.begin(self.options.registry.current, self.connection_string)
            await self._start_services()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything that is still running."""
        await self._end()

    @property
    def administration(self) -> httpx.AsyncClient:
        """The namespace's administration; there while the stack runs."""
        assert self._http is not None  # noqa: S101  entered
        return self._http

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

    def check(self) -> None:
        """Raise what made a process be given up, if one was; look at everybody's memory."""
        for child in self.children:
            child.sample()
            if (failure := child.failure) is not None:
                raise failure

    async def stop_services(self) -> None:
        """End the services, each with what it has in hand done; the namespace stays, so that it can be looked at."""
        for child in self.services:
            child.sample()
        await asyncio.gather(*(child.stop() for child in self.services))

    async def _take_folder(self) -> None:
        self._lock = self.layout.lock.open("a+")
        deadline = asyncio.get_running_loop().time() + LOCK_WAIT
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if asyncio.get_running_loop().time() > deadline:
                    message = f"another stack works on {self.layout.root}; end it, or use another --data folder"
                    raise StackError(message) from None
                await asyncio.sleep(0.2)
            else:
                return

    async def _migrate_patiently(self) -> None:
        """Look into the stores as soon as nobody keeps them to themselves.

        Raises:
            StackError: somebody does for too long.
        """
        stop = asyncio.Event()
        end = asyncio.get_running_loop().call_later(STORES_WAIT, stop.set)
        try:
            await patiently(self._migrate, stop)
        finally:
            end.cancel()
        if stop.is_set():
            raise StackError(
                f"a store in {self.layout.root} was locked for {STORES_WAIT:.0f} s; see which process has it open"
            )

    async def _migrate(self) -> None:
        """Bring what an earlier release left in the folder into today's form."""
        stores = Stores(*(SqliteStore(self.layout.database(service)) for service in SERVICES))
        try:
            if await is_needed(stores):
                done = await migrate(self.options.registry.current, stores, SystemClock())
                log.warning(
                    "the folder was written by an earlier release and was brought into today's form: %d entries of "
                    "workspaces, %d of sources",
                    done.published,
                    done.known,
                )
        finally:
            await stores.close()

    async def _start_bus(self) -> None:
        port, http_port = await _free_ports(2)
        arguments = ["-m", "mti.stack.bus_process", str(self.layout.bus), str(port), str(http_port)]
        self.bus = Child(self._launcher, "bus", arguments, {}, self.layout.logs / "bus.jsonl", announces=True)
        await self.bus.start()
        ready = json.loads(await self.bus.first_line(READY_WAIT))
        self.connection_string = ready["connection_string"]
        self._http = own_client(f"http://127.0.0.1:{ready['http_port']}", seconds=30)
        self.layout.running.write_text(json.dumps({**ready, "pid": os.getpid()}))
        await self._release()

    async def _release(self) -> None:
        """Have what waits behind a pause or for a retry tried at once: somebody started this run to see.

        Raises:
            StackError: the namespace does not answer, nor after it was started again.
        """
        deadline = asyncio.get_running_loop().time() + READY_WAIT
        while True:
            try:
                (await self.administration.post("/scheduled/release")).raise_for_status()
            except httpx.HTTPError as error:
                self.check()
                if asyncio.get_running_loop().time() > deadline:
                    raise NamespaceSilentError(f"the local namespace does not answer: {error!r}") from error
                await asyncio.sleep(0.2)
            else:
                return

    async def _start_services(self) -> None:
        for service in SERVICES:
            for number in range(self.options.scale.get(service, 1)):
                name = f"{service}-{number + 1}"
                child = Child(
                    self._launcher,
                    name,
                    ["-m", f"mti.{service}"],
                    self.environment(service),
                    self.layout.logs / f"{name}.jsonl",
                )
                await child.start()
                self.services.append(child)

    def environment(self, service: str) -> dict[str, str]:
        """Return what a process of a service is told by its environment."""
        return {
            "MTI_SERVICEBUS_CONNECTION_STRING": self.connection_string,
            "MTI_STORE": f"sqlite:{self.layout.database(service).absolute()}",
            "MTI_TENANTS_FILE": str(self.options.tenants.absolute()),
            "MTI_TENANTS_STATES": f"sqlite:{self.layout.tenants.absolute()}",
            "MTI_TENANTS_SECONDS": TENANTS_SECONDS,
            "MTI_PUBLISHER_TENANT_PAUSE_SECONDS": TENANT_PAUSE_SECONDS,
            "MTI_ALLOW_LOOPBACK": str(self.options.allow_loopback).lower(),
            "MTI_RUN_STARTED": self.options.run_started.isoformat(),
            "MTI_UNTIL_IDLE": str(self.options.until_idle).lower(),
            **self.options.environment,
        }

    async def _end(self) -> None:
        await self.latecomers.stop()
        await self.stop_services()
        if self.bus is not None:
            self.bus.sample()
            await self.bus.stop()
        self._launcher.close()
        if self._http is not None:
            await self._http.aclose()
        self.layout.running.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()


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
