"""The project's entities on a local namespace, for tests that need a real bus."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx

from mti.common.adapters.servicebus import ServiceBus
from mti.common.topology import STANDARD, Entity
from servicebus_local import Namespace, NamespaceConfig, NamespaceProcess
from servicebus_local.clock import Clock, system_clock

FETCH_JOBS = STANDARD.jobs
RAW_PAGES = STANDARD.pages
INDICATORS = STANDARD.indicators


def config_with(path: Path, **properties: dict[str, Any]) -> NamespaceConfig:
    """Return the project's entities; `properties` are laid over those of each queue, topic or subscription, by name."""
    document = json.loads((files("mti.stack") / "Config.json").read_text())
    namespace = document["UserConfig"]["Namespaces"][0]
    topics = namespace["Topics"]
    entities = [*namespace["Queues"], *topics, *(found for topic in topics for found in topic["Subscriptions"])]
    for entity in entities:
        entity["Properties"] |= properties.get(entity["Name"].replace("-", "_"), {})
    path.write_text(json.dumps(document))
    return NamespaceConfig.load(path)


@asynccontextmanager
async def running_namespace(
    folder: Path, clock: Clock = system_clock, **properties: dict[str, Any]
) -> AsyncIterator[Namespace]:
    """Run a namespace with the project's entities; `clock` is its own time, which may not be this machine's."""
    folder.mkdir(exist_ok=True)
    config = config_with(folder / "Config.json", **properties)
    # A clock that leaps would have the namespace take every link for idle.
    never = 0xFFFFFFFF
    patience: dict[str, Any] = {} if clock is system_clock else {"idle_timeout": never, "link_idle_limit": never}
    async with Namespace(config, folder / "data", clock=clock, **patience) as namespace:
        yield namespace


@asynccontextmanager
async def connected(namespace: Namespace) -> AsyncIterator[ServiceBus]:
    """Connect to it."""
    bus = ServiceBus.from_connection_string(namespace.connection_string)
    try:
        yield bus
    finally:
        await bus.close()


async def stats(namespace: Namespace | NamespaceProcess) -> dict[str, dict[str, Any]]:
    """Return the counts of all entities, by their paths, of one instant."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{namespace.http_port}/stats")
    found: dict[str, dict[str, Any]] = answer.json()
    return found


async def counts(namespace: Namespace | NamespaceProcess, entity: str) -> dict[str, Any]:
    """Return the counts of one entity, by its path."""
    return (await stats(namespace))[entity]


async def left_in(namespace: Namespace | NamespaceProcess, entity: Entity) -> int:
    """Return how many messages of an entity are still to be handled, now or when they are due.

    What is scheduled for a subscription waits in its topic, whose count it is in until then.
    """
    found = await stats(namespace)
    scheduled = sum(found[path]["scheduled"] for path in {entity.path, entity.name})
    return int(found[entity.path]["active"] + found[entity.path]["locked"] + scheduled)
