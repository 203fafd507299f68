"""What clients do that this project's azure-servicebus does not, seen from the messages."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.exceptions import ServiceBusError

from servicebus_local.amqp import codec
from servicebus_local.pytest_plugin import ServiceBusNamespace
from servicebus_local.wire import frames
from tests.conformance.peer import code, connected, described, message
from tests.conformance.sdk import Sdk

DEAD_LETTER = ServiceBusSubQueue.DEAD_LETTER
MODIFIED, REJECTED = 0x27, 0x25


@pytest_asyncio.fixture
async def sdk(service_bus: ServiceBusNamespace) -> AsyncIterator[Sdk]:
    """The SDK beside the peer: it makes queues and receives from them."""
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


def _map(**items: object) -> bytes:
    """An encoded map with names as symbols."""
    content = b"".join(
        codec.encode_value(codec.symbol(name)) + codec.encode_value(value) for name, value in items.items()
    )
    return b"\xd1" + (len(content) + 4).to_bytes(4, "big") + (2 * len(items)).to_bytes(4, "big") + content


async def test_what_a_client_changes_as_it_settles_keeps_its_type_wherever_the_message_goes(sdk: Sdk) -> None:
    dead_letters = await sdk.queue()
    queue = await sdk.queue(max_delivery_count=2, forward_dead_lettered_messages_to=dead_letters)
    await sdk.send(queue, ServiceBusMessage("x", application_properties={"kept": 1, "tries": 0}))
    changes = _map(tries=codec.long(1), at=codec.timestamp(1709209800000), note="n")
    async with connected(sdk.namespace.port) as peer:
        await peer.receive_from(queue)
        for _ in range(2):
            delivery = await peer.read(frames.TRANSFER)
            peer.settle(delivery.fields[1], described(code(MODIFIED), None, None, changes))
        await peer.receive_from(dead_letters, handle=2)
        payload = bytes((await peer.read(frames.TRANSFER)).fields[11])
    for name, value in (("tries", codec.long(1)), ("at", codec.timestamp(1709209800000)), ("kept", 1), ("note", "n")):
        assert codec.encode_value(name) + codec.encode_value(value) in payload
    assert payload.count(codec.encode_value("tries")) == 1


async def test_a_dead_letter_has_what_else_stood_beside_its_reason(sdk: Sdk) -> None:
    queue = await sdk.queue()
    await sdk.send(queue, "x")
    reason = _map(DeadLetterReason="Why", DeadLetterErrorDescription="because", who="me")
    async with connected(sdk.namespace.port) as peer:
        await peer.receive_from(queue)
        delivery = await peer.read(frames.TRANSFER)
        error = described(code(0x1D), codec.symbol("com.microsoft:dead-letter"), None, reason)
        peer.settle(delivery.fields[1], described(code(REJECTED), error))
        async with sdk.receiver(queue, sub_queue=DEAD_LETTER) as receiver:
            (dead,) = await sdk.receive(receiver)
    assert (dead.dead_letter_reason, dead.dead_letter_error_description) == ("Why", "because")
    assert dead.application_properties is not None
    assert dead.application_properties[b"who"] == b"me"
