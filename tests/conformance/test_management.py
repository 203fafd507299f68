"""Requests to `$management` as clients differ in them, frame by frame."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from servicebus_local.amqp import codec
from servicebus_local.amqp import sections as s
from servicebus_local.pytest_plugin import ServiceBusNamespace
from servicebus_local.wire import frames
from tests.conformance.peer import Peer, code, connected, described
from tests.conformance.sdk import Sdk

MOMENT = 1709209800000
"""29 February 2024, 12:30 UTC, in milliseconds."""


@pytest_asyncio.fixture
async def sdk(service_bus: ServiceBusNamespace) -> AsyncIterator[Sdk]:
    """The SDK beside the peer: it makes queues and topics."""
    made = Sdk(service_bus, asynchronously=True)
    yield made
    await made.close()


class Management:
    """The pair of links to the management node of an entity."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._count = 0

    async def open(self, entity: str) -> None:
        await self._peer.receive_from(f"{entity}/$management", handle=11)
        await self._peer.send_to(f"{entity}/$management", handle=10)

    async def ask(self, operation: str, body: dict[str, Any]) -> tuple[int, Any, bytes]:
        """Ask with an operation and nothing else; returns the status, the decoded body and the whole answer."""
        properties = described(code(s.PROPERTIES), str(self._count))
        application = b"\x00" + code(s.APPLICATION_PROPERTIES) + codec.encode_value({"operation": operation})
        value = b"\x00" + code(s.VALUE) + codec.encode_value(body)
        self._peer.transfer(10, self._count, properties + application + value)
        self._count += 1
        answer = memoryview(bytes((await self._peer.read(frames.TRANSFER)).fields[11]))
        parts = {each.code: codec.decode_value(answer[each.value :]) for each in s.sections(answer)}
        return parts[s.APPLICATION_PROPERTIES][b"statusCode"], parts.get(s.VALUE), bytes(answer)


async def test_a_session_is_found_by_its_holder_without_the_name_of_the_link(sdk: Sdk) -> None:
    """The receiver that has the session is on the connection that asks."""
    queue = await sdk.queue(requires_session=True)
    async with connected(sdk.namespace.port) as peer:
        await peer.receive_from(queue, filters={"com.microsoft:session-filter": "s"})
        management = Management(peer)
        await management.open(queue)
        state = {"session-id": "s", "session-state": bytearray(b"half done")}
        assert (await management.ask("com.microsoft:set-session-state", state))[0] == 200
        status, body, _ = await management.ask("com.microsoft:get-session-state", {"session-id": "s"})
        assert (status, body[b"session-state"]) == (200, b"half done")
        assert (await management.ask("com.microsoft:renew-session-lock", {"session-id": "s"}))[0] == 200
        assert (await management.ask("com.microsoft:get-session-state", {"session-id": "another"}))[0] == 410


async def test_a_correlation_filter_keeps_its_longs_and_dates(sdk: Sdk) -> None:
    topic = await sdk.topic("s")
    values = {"long": codec.long(7), "when": codec.timestamp(MOMENT)}
    rule = {"rule-name": "r", "rule-description": {"correlation-filter": {"properties": values}}}
    async with connected(sdk.namespace.port) as peer:
        management = Management(peer)
        await management.open(f"{topic}/subscriptions/s")
        assert (await management.ask("com.microsoft:add-rule", rule))[0] == 200
        status, _, answer = await management.ask("com.microsoft:enumerate-rules", {"top": 10, "skip": 0})
    assert status == 200
    for name, value in values.items():
        assert codec.encode_value(name) + codec.encode_value(value) in answer
