"""A deployment as on Azure: its databases as the templates declare them, and its services as processes."""

import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient

from mti.operations.stores import SERVICES
from mti.stack.launching.processes import Process
from tests.support.cli import Said, mti
from tests.support.processes import ROOT, start_python
from tests.support.waiting import in_time

KEY = "bm90IGEgc2VjcmV0IGJ1dCBrZXB0IGFzIG9uZQ=="
DATABASES = ROOT / "infra" / "bicep" / "generated" / "databases.json"
"""What the templates make of an account: nothing else is there when the services start."""


async def deploy(endpoint: str, prefix: str) -> None:
    """Make the databases of the templates, with their containers, under names that begin with a prefix."""
    async with CosmosClient(endpoint, KEY, connection_verify=False, enable_endpoint_discovery=False) as account:
        for declared in json.loads(DATABASES.read_text()):
            database = await account.create_database(prefix + declared["name"])
            for container in declared["containers"]:
                await database.create_container(
                    container["id"],
                    PartitionKey(container["partitionKey"]["paths"][0]),
                    default_ttl=container["defaultTtl"],
                    indexing_policy=container["indexingPolicy"],
                )


class Deployed:
    """Three services on an account and a namespace, and the commands of who looks after them.

    Args:
        folder: where the services' logs go.
        environment: what all of them have.
        account: the address of the account, with no slash at its end.
        prefix: of the databases' names.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], account: str, prefix: str) -> None:
        self.kills = 0
        self._folder = folder
        self._stores = f"cosmos:{account}/{prefix}{{service}}"
        self.env = {
            **environment,
            "MTI_COSMOS_KEY": KEY,
            "MTI_TENANTS_STORE": f"cosmos:{account}/{prefix}tenants",
            "MTI_TENANTS_SECONDS": "1",
            "MTI_FETCHER_SCHEDULE_SECONDS": "1",
            "MTI_ALLOW_LOOPBACK": "true",
            "MTI_PUBLISHER_TAKEOVER_SECONDS": "3",
        }
        self._running: dict[str, Process] = {}

    async def __call__(self, *words: str | Path) -> Said:
        """Run a command to its end."""
        return await mti(*words, env={**self.env, "MTI_STORES": self._stores})

    async def start(self, *services: str) -> None:
        """Start services; all of them when none is named."""
        for service in services or SERVICES:
            with (self._folder / f"{service}.jsonl").open("ab") as log:
                self._running[service] = await start_python(
                    "-m",
                    f"mti.{service}",
                    env={**os.environ, **self.env, "MTI_STORE": self._stores.replace("{service}", service)},
                    stderr=log.fileno(),
                )

    async def kill(self, service: str) -> None:
        """Kill a service at once, and start it again."""
        process = self._running.pop(service)
        process.kill()
        assert await in_time(process.wait()) == -signal.SIGKILL, self.logged(service)
        self.kills += 1
        await self.start(service)

    async def stop(self) -> None:
        """End all services as their host does; they must end cleanly."""
        running, self._running = self._running, {}
        for process in running.values():
            process.terminate()
        ends = {service: await in_time(process.wait()) for service, process in running.items()}
        assert ends == dict.fromkeys(running, 0), {service: self.logged(service)[-3:] for service in running}

    def kill_all(self) -> None:
        """Leave nothing behind."""
        for process in self._running.values():
            process.kill()

    def logged(self, service: str) -> list[dict[str, Any]]:
        """Return what a service has logged."""
        found = []
        for line in (self._folder / f"{service}.jsonl").read_text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                found.append({"level": "PLAIN", "message": line})
        return found


@asynccontextmanager
async def deployed(
    folder: Path, environment: Mapping[str, str], endpoint: str, account: str | None = None
) -> AsyncIterator[Deployed]:
    """Deploy to an account that may have other databases, and kill what still runs at the end.

    Args:
        folder: where the services' logs go.
        environment: what all of them have: the bus and the secrets.
        endpoint: of the account.
        account: the way by which the services and commands go to it; the straight one when not given.
    """
    prefix = f"d{uuid4().hex[:8]}-"
    await deploy(endpoint, prefix)
    found = Deployed(folder, environment, (account or endpoint).rstrip("/"), prefix)
    try:
        yield found
    finally:
        found.kill_all()
