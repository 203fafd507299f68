"""One namespace for all, with both kinds of clients connected to it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from mti.local.namespace.pytest_plugin import ServiceBusNamespace, service_bus, service_bus_config
from tests.conformance.sdk import Sdk

__all__ = ["service_bus", "service_bus_config"]


@pytest_asyncio.fixture(params=[False, True], ids=["sync", "aio"])
async def sdk(service_bus: ServiceBusNamespace, request: pytest.FixtureRequest) -> AsyncIterator[Sdk]:
    """The SDK, once synchronous and once asynchronous."""
    made = Sdk(service_bus, asynchronously=request.param)
    yield made
    await made.close()
