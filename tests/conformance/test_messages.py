"""Messages and their settlement, as https://learn.microsoft.com/azure/service-bus-messaging describes them."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageBodyType
from azure.servicebus.exceptions import (
    MessageAlreadySettled,
    MessageLockLostError,
    MessageNotFoundError,
    MessageSizeExceededError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    ServiceBusError,
    ServiceBusQuotaExceededError,
    ServiceBusServerBusyError,
)

from tests.conformance.sdk import NOTHING, Sdk, bodies

DEAD_LETTER = ServiceBusSubQueue.DEAD_LETTER


async def test_a_message_is_received_once_and_gone_when_it_is_completed(sdk: Sdk) -> None:
    queue = await sdk.queue()
    await sdk.send(queue, "first", "second")
    async with sdk.receiver(queue) as receiver:
        messages = await sdk.receive(receiver, 2)
        assert bodies(messages) == ["first", "second"]
        for message in messages:
            await sdk.do(receiver.complete_message, message)
        with pytest.raises(MessageAlreadySettled):
            await sdk.do(receiver.complete_message, messages[0])
    assert await sdk.active(queue) == 0


async def test_the_four_ways_to_settle_a_message(sdk: Sdk) -> None:
    queue = await sdk.queue()
    await sdk.send(queue, "complete", "abandon", "dead-letter", "defer")
    async with sdk.receiver(queue) as receiver:
        complete, abandon, dead, defer = await sdk.receive(receiver, 4)
        await sdk.do(receiver.complete_message, complete)
        await sdk.do(receiver.abandon_message, abandon)
        await sdk.do(receiver.dead_letter_message, dead, reason="Reason", error_description="Description")
        await sdk.do(receiver.defer_message, defer)
        (again,) = await sdk.receive(receiver)
        assert (str(again), again.delivery_count) == ("abandon", 1)
        peeked = await sdk.do(receiver.peek_messages, 10, sequence_number=1)
        assert [(str(each), each.state) for each in peeked if str(each) == "defer"] == [
            ("defer", ServiceBusMessageState.DEFERRED)
        ]
        (deferred,) = await sdk.do(receiver.receive_deferred_messages, [defer.sequence_number])
        await sdk.do(receiver.complete_message, deferred)
        with pytest.raises(MessageNotFoundError):
            await sdk.do(receiver.receive_deferred_messages, defer.sequence_number)
    async with sdk.receiver(queue, sub_queue=DEAD_LETTER) as receiver:
        (found,) = await sdk.receive(receiver)
        assert (found.dead_letter_reason, found.dead_letter_error_description) == ("Reason", "Description")


async def test_a_lock_lasts_as_long_as_the_queue_says_and_can_be_renewed(sdk: Sdk) -> None:
    queue = await sdk.queue(lock_duration=timedelta(seconds=8))
    await sdk.send(queue, "renewed", "lost")
    async with sdk.receiver(queue) as receiver, sdk.receiver(queue) as other:
        renewed, lost = await sdk.receive(receiver, 2)
        began, waiting = renewed.locked_until_utc, asyncio.create_task(sdk.receive(other))
        assert began is not None
        until = began
        while not waiting.done():
            await asyncio.sleep(0.5)
            until = await sdk.do(receiver.renew_message_lock, renewed)
        (again,) = await waiting
        assert until - began > timedelta(seconds=7)
        assert (str(again), again.delivery_count) == ("lost", 1)
        with pytest.raises(MessageLockLostError):
            await sdk.do(receiver.renew_message_lock, lost)
        await sdk.do(receiver.complete_message, renewed)


async def test_what_a_closed_receiver_held_stays_locked_and_can_be_settled(sdk: Sdk) -> None:
    queue = await sdk.queue(lock_duration=timedelta(seconds=12))
    await sdk.send(queue, "a", "b", "c")
    async with sdk.receiver(queue) as other:
        async with sdk.receiver(queue) as receiver:
            messages = await sdk.receive(receiver, 3)
            await sdk.do(receiver._handler._link.detach)
            await sdk.do(receiver.complete_message, messages[0])
        assert await sdk.receive(other, wait=NOTHING) == []
        await sdk.do(other.abandon_message, messages[1])
        (again,) = await sdk.receive(other)
        assert (str(again), again.delivery_count) == ("b", 1)
        await sdk.do(other.complete_message, again)
        (expired,) = await sdk.receive(other)
        assert (str(expired), expired.delivery_count) == ("c", 1)


async def test_receive_and_delete_and_peek(sdk: Sdk) -> None:
    queue = await sdk.queue()
    await sdk.send(queue, *"abc")
    async with sdk.receiver(queue, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as receiver:
        assert bodies(await sdk.do(receiver.peek_messages, 2)) == ["a", "b"]
        assert bodies(await sdk.do(receiver.peek_messages, 2)) == ["c"]
        assert bodies(await sdk.receive(receiver, 3)) == ["a", "b", "c"]
        assert await sdk.receive(receiver, wait=NOTHING) == []
    assert await sdk.active(queue) == 0


async def test_a_message_can_be_scheduled_and_cancelled(sdk: Sdk) -> None:
    queue = await sdk.queue()
    at = datetime.now(UTC) + timedelta(seconds=2)
    later = [ServiceBusMessage("not"), ServiceBusMessage("nor this")]
    async with sdk.opened(sdk.client.get_queue_sender(queue)) as sender:
        await sdk.do(sender.schedule_messages, ServiceBusMessage("kept"), at)
        numbers = await sdk.do(sender.schedule_messages, later, at + timedelta(hours=1))
        await sdk.do(sender.cancel_scheduled_messages, numbers)
        with pytest.raises(ServiceBusError):
            await sdk.do(sender.cancel_scheduled_messages, numbers[1])
    counts = await sdk.do(sdk.admin.get_queue_runtime_properties, queue)
    assert (counts.scheduled_message_count, counts.active_message_count) in ((1, 0), (0, 1))
    async with sdk.receiver(queue) as receiver:
        assert bodies(await sdk.receive(receiver)) == ["kept"]
        assert datetime.now(UTC) >= at


async def test_an_expired_message_is_dead_lettered_when_the_queue_says_so(sdk: Sdk) -> None:
    queue = await sdk.queue(dead_lettering_on_message_expiration=True)
    await sdk.send(queue, ServiceBusMessage("x", time_to_live=timedelta(seconds=1)))
    async with sdk.receiver(queue, sub_queue=DEAD_LETTER) as receiver:
        (dead,) = await sdk.receive(receiver)
        assert dead.dead_letter_reason == "TTLExpiredException"


async def test_a_duplicate_within_the_window_is_accepted_and_dropped(sdk: Sdk) -> None:
    queue = await sdk.queue(requires_duplicate_detection=True)
    await sdk.send(queue, *[ServiceBusMessage("x", message_id="same") for _ in range(2)])
    assert await sdk.active(queue) == 1


async def test_a_message_above_the_limit_is_refused_and_the_sender_lives_on(sdk: Sdk) -> None:
    queue = await sdk.queue()
    async with sdk.opened(sdk.client.get_queue_sender(queue)) as sender:
        with pytest.raises(MessageSizeExceededError):
            await sdk.do(sender.send_messages, ServiceBusMessage(b"x" * 300_000))
        later = datetime.now(UTC) + timedelta(hours=1)
        with pytest.raises(MessageSizeExceededError):
            await sdk.do(sender.schedule_messages, ServiceBusMessage(b"x" * 300_000), later)
        await sdk.do(sender.send_messages, ServiceBusMessage("fits"))
    assert await sdk.active(queue) == 1


async def test_a_full_queue_refuses_messages(sdk: Sdk) -> None:
    queue = f"small-{'aio' if sdk.asynchronously else 'sync'}"
    async with sdk.opened(sdk.client.get_queue_sender(queue)) as sender:
        for _ in range(4):
            await sdk.do(sender.send_messages, ServiceBusMessage(b"x" * 230_000))
        with pytest.raises(ServiceBusQuotaExceededError):
            await sdk.do(sender.send_messages, ServiceBusMessage(b"x" * 230_000))


async def test_what_is_not_there_is_not_found(sdk: Sdk) -> None:
    with pytest.raises(MessagingEntityNotFoundError):
        await sdk.send("nowhere", "x")
    for path in ("nowhere", f"{await sdk.topic()}/nowhere"):
        with pytest.raises(MessagingEntityNotFoundError):
            async with sdk.receiver(path):
                pass


async def test_a_message_that_is_deleted_as_it_comes_has_nothing_to_settle_it_by(sdk: Sdk) -> None:
    queue = await sdk.queue()
    await sdk.send(queue, "x")
    async with sdk.receiver(queue, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as receiver:
        (message,) = await sdk.receive(receiver)
    assert (message.raw_amqp_message.delivery_annotations, message.lock_token) == ({}, None)
    with pytest.warns(DeprecationWarning, match="`message`"):
        assert message.message.delivery_tag is None


@pytest.mark.parametrize("status", ["Disabled", "SendDisabled", "ReceiveDisabled"])
async def test_a_disabled_entity_refuses_what_its_status_says(sdk: Sdk, status: str) -> None:
    queue = await sdk.queue(status=status)
    if status != "ReceiveDisabled":
        with pytest.raises(MessagingEntityDisabledError):
            await sdk.send(queue, "x")
    if status != "SendDisabled":
        with pytest.raises(MessagingEntityDisabledError):
            async with sdk.receiver(queue):
                pass


async def test_a_busy_server_says_so_and_then_works_again(sdk: Sdk) -> None:
    queue = await sdk.queue()
    async with sdk.opened(sdk.client.get_queue_sender(queue)) as sender:
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"http://127.0.0.1:{sdk.namespace.http_port}/busy?operations=1")
        assert answer.json() == {"operations": 1}
        with pytest.raises(ServiceBusServerBusyError):
            await sdk.do(sender.send_messages, ServiceBusMessage("x"))
        await sdk.do(sender.send_messages, ServiceBusMessage("x"))


ANNOTATED: list[dict[str, Any]] = [
    {"data_body": [b"a", b"b"]},
    {"value_body": {b"key": b"value", b"list": [1, 2]}},
    {"sequence_body": [[1, 2], [b"x"]]},
]


async def test_every_kind_of_body_comes_back_as_it_was_sent(sdk: Sdk) -> None:
    queue = await sdk.queue()
    messages = [
        AmqpAnnotatedMessage(
            **body,
            header={"priority": 3},
            properties={"subject": "s"},
            application_properties={"a": 1, "price": Decimal("-1.2345")},
            annotations={"x": "y"},
            delivery_annotations={"hop": 1, "x-opt-lock-token": "no token"},
            footer={"f": 2},
        )
        for body in ANNOTATED
    ]
    await sdk.send(queue, *messages)  # type: ignore[arg-type]
    async with sdk.receiver(queue) as receiver:
        peeked = await sdk.do(receiver.peek_messages, 3)
        for message in await sdk.receive(receiver, 3):
            await sdk.do(receiver.dead_letter_message, message)
    async with sdk.receiver(queue, sub_queue=DEAD_LETTER) as receiver:
        received = await sdk.receive(receiver, 3)
        for message in received:
            await sdk.do(receiver.complete_message, message)
    for found in (peeked, received):
        _are_as_they_were_sent([message.raw_amqp_message for message in found])
    assert [each.raw_amqp_message.delivery_annotations for each in peeked] == [{b"hop": 1}] * 3


def _are_as_they_were_sent(found: list[AmqpAnnotatedMessage]) -> None:
    assert [each.body_type for each in found] == [
        AmqpMessageBodyType.DATA,
        AmqpMessageBodyType.VALUE,
        AmqpMessageBodyType.SEQUENCE,
    ]
    assert list(found[0].body) == [b"a", b"b"]
    assert found[1].body == {b"key": b"value", b"list": [1, 2]}
    assert [list(each) for each in found[2].body] == [[1, 2], [b"x"]]
    for each in found:
        assert each.annotations is not None
        assert each.annotations[b"x"] == b"y"
        assert each.application_properties == {b"a": 1, b"price": Decimal("-1.2345")}
        assert each.header is not None
        assert each.header.priority == 3
        assert each.delivery_annotations is not None
        assert each.delivery_annotations[b"hop"] == 1
        assert each.footer == {b"f": 2}
