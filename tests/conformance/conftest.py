"""One namespace for all, with both kinds of clients connected to it."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from servicebus_local.pytest_plugin import ServiceBusNamespace
from tests.conformance.sdk import Sdk


@pytest.fixture(scope="session")
def service_bus_config() -> Mapping[str, Any]:
    """Queues that are full with a megabyte, for each of the SDK's faces: no client can ask for one so small."""
    small = [{"Name": f"small-{face}", "Properties": {"MaxSizeInMegabytes": 1}} for face in ("sync", "aio")]
    return {"UserConfig": {"Namespaces": [{"Name": "local", "Queues": small}]}}


@pytest_asyncio.fixture(params=[False, True], ids=["sync", "aio"])
async def sdk(service_bus: ServiceBusNamespace, request: pytest.FixtureRequest) -> AsyncIterator[Sdk]:
    """The SDK, once synchronous and once asynchronous."""
    made = Sdk(service_bus, asynchronously=request.param)
    yield made
    await made.close()
