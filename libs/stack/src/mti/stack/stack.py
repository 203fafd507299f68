"""Starts the processes, looks at them, and ends them."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from mti.common.registry import RegistryProvider
from mti.operations.stores import SERVICES
from mti.stack.bus import Bus
from mti.stack.child import Child
from mti.stack.folder import TakenFolder
from mti.stack.latecomers import Latecomers
from mti.stack.launching.launcher import Launcher
from mti.stack.layout import TENANTS_SECONDS, LastRun, Layout

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
        self._launcher = Launcher(MODULES)
        self.bus = Bus(self._launcher, self.layout)
        self.services: list[Child] = []
        self.latecomers = Latecomers(self.layout.routes, self.layout.database("normalizer"))
        self._folder = TakenFolder(self.layout)

    @property
    def children(self) -> list[Child]:
        """All processes."""
        return [*([self.bus.child] if self.bus.child else []), *self.services]

    async def __aenter__(self) -> Self:
        """Start everything.

        Raises:
            StackError: another stack works on the folder, or a process does not come up.
        """
        self.layout.make()
        try:
            await self._folder.take()
            self.layout.remember(
                LastRun(tenants=self.options.tenants.absolute(), allow_loopback=self.options.allow_loopback)
            )
            await self._folder.migrate(self.options.registry.current)
            await self.bus.start(self.check)
            # Before the services: what they make from now on goes every way that there is now.
            await self.latecomers.begin(self.options.registry.current, self.bus.connection_string)
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
            "MTI_SERVICEBUS_CONNECTION_STRING": self.bus.connection_string,
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
        await self.bus.stop()
        self._launcher.close()
        await self.bus.close()
        self._folder.release()
