"""AMQP over WebSockets, plain and with TLS, through both clients."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusMessage, TransportType

from servicebus_local.pytest_plugin import ServiceBusNamespace
from tests.conformance.sdk import Sdk, bodies
from tests.support.processes import start_python

pytestmark = pytest.mark.filterwarnings("ignore:ssl=None is deprecated")  # the SDK's own call of aiohttp
LARGE = b"x" * 250_000


def over_websocket(namespace: ServiceBusNamespace, *, asynchronously: bool, secure: bool) -> Sdk:
    text, options = namespace.connection_string, dict[str, Any]()
    if secure:
        text = text.replace("UseDevelopmentEmulator=true;", "")
        options["connection_verify"] = str(namespace.certificate)
    return Sdk(
        namespace,
        asynchronously=asynchronously,
        connection_string=text,
        transport_type=TransportType.AmqpOverWebsocket,
        custom_endpoint_address=f"sb://127.0.0.1:{namespace.port}",
        **options,
    )


@pytest_asyncio.fixture(params=[(False, "ws"), (True, "ws"), (False, "wss"), (True, "wss")], ids=str)
async def sdk(service_bus: ServiceBusNamespace, request: pytest.FixtureRequest) -> AsyncIterator[Sdk]:
    """The SDK on a WebSocket."""
    asynchronously, scheme = request.param
    made = over_websocket(service_bus, asynchronously=asynchronously, secure=scheme == "wss")
    yield made
    await made.close()


async def test_messages_small_and_large_and_sessions_go_over_a_websocket(sdk: Sdk) -> None:
    queue = await sdk.queue()
    await sdk.send(queue, "small", ServiceBusMessage(LARGE), "bad")
    async with sdk.receiver(queue) as receiver:
        small, large, bad = await sdk.receive(receiver, 3)
        assert b"".join(large.body) == LARGE
        await sdk.do(receiver.renew_message_lock, large)
        await sdk.do(receiver.complete_message, large)
        await sdk.do(receiver.dead_letter_message, bad)
        await sdk.do(receiver.abandon_message, small)
        (again,) = await sdk.receive(receiver)
        assert (str(again), again.delivery_count) == ("small", 1)
    sessions = await sdk.queue(requires_session=True)
    await sdk.send(sessions, ServiceBusMessage("m", session_id="s"))
    async with sdk.receiver(sessions, session_id="s") as receiver:
        assert bodies(await sdk.receive(receiver)) == ["m"]
        await sdk.do(receiver.session.set_state, LARGE[:1000])
        assert await sdk.do(receiver.session.get_state) == LARGE[:1000]


async def hold(namespace: str, asynchronously: str, queue: str) -> None:
    """Receive a message and keep it, for ever: what the killed client does."""
    text, port, http_port, certificate = json.loads(namespace)
    place = ServiceBusNamespace(text, port, http_port, Path(certificate))
    sdk = over_websocket(place, asynchronously=bool(asynchronously), secure=False)
    async with sdk.receiver(queue) as receiver:
        print(len(await sdk.receive(receiver)), flush=True)  # noqa: T201 - the test waits for it
        await asyncio.Event().wait()


@pytest.mark.parametrize("kind", ["", "asynchronously"], ids=["sync", "aio"])
async def test_what_a_killed_client_held_comes_back(service_bus: ServiceBusNamespace, kind: str) -> None:
    sdk = over_websocket(service_bus, asynchronously=bool(kind), secure=False)
    queue = await sdk.queue()
    await sdk.send(queue, "a")
    code = f"import asyncio, sys; from {__name__} import hold; asyncio.run(hold(*sys.argv[1:]))"
    client = await start_python(
        "-c", code, json.dumps(service_bus, default=str), kind, queue, stdout=asyncio.subprocess.PIPE
    )
    assert client.stdout is not None
    assert await client.stdout.readline() == b"1\n"
    client.kill()
    await client.communicate()
    async with sdk.receiver(queue) as receiver:
        (again,) = await sdk.receive(receiver)
        assert again.delivery_count == 1
    await sdk.close()
