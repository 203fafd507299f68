"""What clients do that this project's azure-servicebus does not, seen from the messages."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusSubQueue
from azure.servicebus.exceptions import ServiceBusError

from servicebus_local.pytest_plugin import ServiceBusNamespace
from servicebus_local.wire import codec, frames
from tests.conformance.peer import code, connected, described, message
from tests.conformance.sdk import Sdk

DEAD_LETTER = ServiceBusSubQueue.DEAD_LETTER
MODIFIED, REJECTED = 0x27, 0x25


@pytest_asyncio.fixture
async def sdk(service_bus: ServiceBusNamespace) -> AsyncIterator[Sdk]:
    """The SDK beside the peer: it makes queues and looks at them."""
    made = Sdk(service_bus, asynchronously=True)
    yield made
    await made.close()


@pytest.mark.parametrize(
    "properties", [b"", described(code(0x73), None, "user"), described(code(0x73))], ids=["none", "null", "empty"]
)
async def test_a_message_without_a_message_id_gets_one(sdk: Sdk, properties: bytes) -> None:
    queue = await sdk.queue()
    async with connected(sdk.namespace.port) as peer:
        await peer.send_to(queue)
        for number in range(2):
            peer.transfer(0, number, properties + message())
            await peer.read(frames.DISPOSITION)
    async with sdk.receiver(queue) as receiver:
        found = await sdk.receive(receiver, 2)
        first, second = (each.message_id for each in found)
        assert first
        assert first != second
        assert [str(each) for each in found] == ["x", "x"]
        (peeked,) = await sdk.do(receiver.peek_messages, 1, sequence_number=1)
        assert peeked.message_id == first


async def test_a_handler_that_abandons_without_saying_failed_gives_up_at_max_delivery_count(sdk: Sdk) -> None:
    """As the .NET, Java and JavaScript clients abandon."""
    queue = await sdk.queue(max_delivery_count=3)
    await sdk.send(queue, "x")
    async with connected(sdk.namespace.port) as peer:
        await peer.receive_from(queue)
        for count in range(3):
            delivery = await peer.read(frames.TRANSFER)
            assert _delivery_count(delivery.fields[11]) == count
            peer.settle(delivery.fields[1], described(code(MODIFIED)))
        async with sdk.receiver(queue, sub_queue=DEAD_LETTER) as receiver:
            (dead,) = await sdk.receive(receiver)
            assert (dead.dead_letter_reason, dead.delivery_count) == ("MaxDeliveryCountExceeded", 3)


def _delivery_count(payload: bytes) -> int:
    (header,) = (codec.decode_value(memoryview(payload)),)
    return int(header[4])


async def test_a_deferred_message_was_delivered_once_more(sdk: Sdk) -> None:
    queue = await sdk.queue(max_delivery_count=2)
    await sdk.send(queue, "x")
    async with sdk.receiver(queue) as receiver:
        (received,) = await sdk.receive(receiver)
        await sdk.do(receiver.defer_message, received)
        (deferred,) = await sdk.do(receiver.receive_deferred_messages, [received.sequence_number])
        assert deferred.delivery_count == 1
        await sdk.do(receiver.defer_message, deferred)
        (again,) = await sdk.do(receiver.receive_deferred_messages, [received.sequence_number])
        assert again.delivery_count == 2


async def test_a_dead_letter_cannot_be_dead_lettered(sdk: Sdk) -> None:
    queue = await sdk.queue()
    await sdk.send(queue, "x")
    async with sdk.receiver(queue) as receiver:
        (received,) = await sdk.receive(receiver)
        await sdk.do(receiver.dead_letter_message, received, reason="First")
    async with sdk.receiver(queue, sub_queue=DEAD_LETTER) as receiver:
        (dead,) = await sdk.receive(receiver)
        with pytest.raises(ServiceBusError, match="dead letter already"):
            await sdk.do(receiver.dead_letter_message, dead, reason="Second")
    async with sdk.receiver(queue, sub_queue=DEAD_LETTER) as receiver:
        (still,) = await sdk.do(receiver.peek_messages, 5, sequence_number=1)
        assert still.dead_letter_reason == "First"
