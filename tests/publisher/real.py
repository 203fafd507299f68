"""Publishers as processes, between a namespace and a Sentinel that are real to them."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from mti.common.adapters.packed import PackedStore, packed
from mti.common.adapters.servicebus import ServiceBus
from mti.common.adapters.sqlite import SqliteStore
from mti.common.ports.clock import SystemClock
from mti.common.registry import Registry, load_registry
from mti.operations.destinations import DestinationAudit
from mti.publisher.records import PublishedVersions
from mti.simulators.sentinel import App, SentinelSimulator, Workspace, WorkspaceSpec
from servicebus_local import Namespace
from tests.publisher.world import APP_ID, CONTOSO, DIRECTORY, SECRET
from tests.support.bus import connected, running_namespace
from tests.support.processes import start_python
from tests.support.waiting import in_time

LOCK = 8
"""Seconds that the subscription locks a session for."""
TAKEOVER = 6
"""Seconds that requests of a publisher which ended are waited for."""


def tenants(url: str) -> dict[str, Any]:
    to = {
        "workspace_id": CONTOSO,
        "endpoint": url,
        "authority": url,
        "azure_tenant_id": DIRECTORY,
        "auth": "client_secret",
        "client_id": APP_ID,
        "client_secret": "env:APP_SECRET",
    }
    account = {"api": "2.0", "region": "eu", "client_id": "env:ID", "client_secret": "env:SECRET"}
    tenant = {"id": "contoso", "mimecast": account, "feeds": ["malware_customer"], "destinations": [to]}
    return {"tenants": [tenant]}


@dataclass
class Place:
    """Where publishers run."""

    folder: Path
    sentinel: SentinelSimulator
    namespace: Namespace
    bus: ServiceBus
    registry: Registry
    store: PackedStore
    normalizer: PackedStore
    environment: dict[str, str]

    @property
    def workspace(self) -> Workspace:
        return self.sentinel.workspaces[CONTOSO]

    @property
    def versions(self) -> PublishedVersions:
        return PublishedVersions(self.store.container("published"), SystemClock())

    @asynccontextmanager
    async def publisher(self, name: str) -> AsyncIterator[int]:
        """Run one, whose log is `name.log`, and yield its process id; it is killed in the end, stopped or not."""
        with (self.folder / f"{name}.log").open("wb") as file:
            process = await start_python(
                "-m", "tests.publisher.short_locks", str(LOCK), env=self.environment, stderr=file.fileno()
            )
        try:
            yield process.pid
        finally:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            await in_time(process.communicate())

    async def closes(self) -> bool:
        """Say whether the reconciliation closes the workspace's books, and misses nothing."""
        audit = DestinationAudit(self.registry, self.normalizer, self.store, SystemClock())
        books, missing = await audit.of(self.registry.destinations[CONTOSO])
        return (books.closed, missing) == (True, {})


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    app = App(azure_tenant_id=DIRECTORY, client_id=APP_ID, client_secret=SecretStr(SECRET), workspaces=(CONTOSO,))
    async with (
        SentinelSimulator([WorkspaceSpec(id=CONTOSO)], [app]) as sentinel,
        running_namespace(folder / "bus", publisher={"LockDuration": f"PT{LOCK}S"}) as namespace,
        connected(namespace) as bus,
        AsyncExitStack() as stores,
    ):
        file = folder / "tenants.yaml"
        file.write_text(yaml.safe_dump(tenants(sentinel.base_url)))
        store, normalizer = packed(SqliteStore(folder / "publisher.db")), packed(SqliteStore(folder / "normalizer.db"))
        stores.push_async_callback(store.close)
        stores.push_async_callback(normalizer.close)
        environment = {
            **os.environ,
            "MTI_SERVICEBUS_CONNECTION_STRING": namespace.connection_string,
            "MTI_STORE": f"sqlite:{folder / 'publisher.db'}",
            "MTI_TENANTS_FILE": str(file),
            "MTI_ALLOW_LOOPBACK": "true",
            "MTI_PUBLISHER_TAKEOVER_SECONDS": str(TAKEOVER),
            "APP_SECRET": SECRET,
        }
        registry = load_registry(file, allow_loopback=True)
        yield Place(folder, sentinel, namespace, bus, registry, store, normalizer, environment)
