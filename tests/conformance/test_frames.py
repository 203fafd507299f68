"""What other clients need of the frames, or send in theirs, that azure-servicebus of this version does not."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from servicebus_local.pytest_plugin import ServiceBusNamespace
from servicebus_local.wire import frames
from tests.conformance.peer import connected, described, message
from tests.conformance.sdk import Sdk


@pytest_asyncio.fixture
async def sdk(service_bus: ServiceBusNamespace) -> AsyncIterator[Sdk]:
    """The SDK beside the peer: it makes queues."""
    made = Sdk(service_bus, asynchronously=True)
    yield made
    await made.close()


async def test_a_transfer_leaves_none_of_its_eleven_fields_out(sdk: Sdk) -> None:
    """azure-servicebus before 7.15 takes the field behind the eleventh for the payload."""
    queue = await sdk.queue()
    await sdk.send(queue, "x")
    async with connected(sdk.namespace.port) as peer:
        await peer.receive_from(queue)
        frame = await peer.read(frames.TRANSFER)
        count_at = 5 if frame.body[3] == 0xC0 else 11
        assert frame.body[count_at] == 11


async def test_a_disposition_leaves_none_of_its_six_fields_out(sdk: Sdk) -> None:
    queue = await sdk.queue()
    async with connected(sdk.namespace.port) as peer:
        await peer.send_to(queue)
        peer.transfer(0, 0, message())
        frame = await peer.read(frames.DISPOSITION)
        assert frame.body[3:6:2] == b"\xc0\x06"


def _in_eight_bytes(number: int) -> bytes:
    return b"\x80" + number.to_bytes(8, "big")


_SYMBOLS = {
    0x10: b"amqp:open:list",
    0x11: b"amqp:begin:list",
    0x12: b"amqp:attach:list",
    0x13: b"amqp:flow:list",
    0x14: b"amqp:transfer:list",
    0x15: b"amqp:disposition:list",
    0x24: b"amqp:accepted:list",
    0x28: b"amqp:source:list",
    0x29: b"amqp:target:list",
    0x75: b"amqp:data:binary",
}


def _as_symbol(number: int) -> bytes:
    return b"\xa3" + bytes((len(_SYMBOLS[number]),)) + _SYMBOLS[number]


@pytest.mark.parametrize("descriptor", [_in_eight_bytes, _as_symbol])
async def test_a_descriptor_may_be_a_symbol_or_eight_bytes_long(sdk: Sdk, descriptor: Callable[[int], bytes]) -> None:
    queue = await sdk.queue()
    async with connected(sdk.namespace.port, opened=False) as peer:
        peer.descriptor = descriptor
        await peer.open()
        await peer.send_to(queue)
        peer.transfer(0, 0, message("hello", descriptor=descriptor))
        assert (await peer.read(frames.DISPOSITION)).fields[4] == {"accepted": []}
        await peer.receive_from(queue)
        delivery = await peer.read(frames.TRANSFER)
        assert bytes(delivery.fields[11]).endswith(message("hello"))
        peer.settle(delivery.fields[1], described(descriptor(0x24)), settled=False)
        assert (await peer.read(frames.DISPOSITION)).fields[4] == {"accepted": []}
    assert await sdk.active(queue) == 0
