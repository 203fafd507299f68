"""A namespace in this process, and the real SDK connected to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from azure.servicebus.aio import ServiceBusClient

from servicebus_local import ManualClock, Namespace, NamespaceConfig
from servicebus_local.clock import Clock, system_clock
from tests.servicebus_local.bus import Bus, Serve


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at the present until it is moved."""
    return ManualClock(system_clock())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def closing() -> AsyncIterator[list["asyncio.Task[None]"]]:
    """What is still being closed when its test is over: the SDK takes a second for it, so a module waits once."""
    tasks: list[asyncio.Task[None]] = []
    yield tasks
    await asyncio.gather(*tasks)


@pytest_asyncio.fixture(loop_scope="module")
async def serve(tmp_path: Path, closing: list["asyncio.Task[None]"]) -> AsyncIterator[Serve]:
    """Starts namespaces: `await serve(queues={...}, topics={...})`."""
    stack = AsyncExitStack()

    async def start(
        queues: dict[str, dict[str, Any]] | None = None,
        topics: dict[str, dict[str, Any]] | None = None,
        clock: Clock = system_clock,
        **options: Any,
    ) -> Bus:
        if clock is not system_clock:
            options.setdefault("idle_timeout", 0xFFFFFFFF)
            options.setdefault("link_idle_limit", 0xFFFFFFFF)
        namespace = Namespace(NamespaceConfig.build(queues, topics), tmp_path, clock=clock, **options)
        await stack.enter_async_context(namespace)
        client = ServiceBusClient.from_connection_string(namespace.connection_string, retry_total=0)
        bus = Bus(namespace, client)
        stack.push_async_callback(bus.close)
        for name, properties in (queues or {}).items():
            bus.open_ahead(name, receiver=not properties.get("RequiresSession"))
        for name in topics or {}:
            bus.open_ahead(name, receiver=False)
        return bus

    yield start
    closing.append(asyncio.create_task(stack.aclose()))
