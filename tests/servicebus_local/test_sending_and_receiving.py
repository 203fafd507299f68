"""Messages go in and come out, through the real SDK."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from azure.servicebus import ServiceBusClient as SyncClient
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus.exceptions import MessageSizeExceededError, MessagingEntityNotFoundError, ServiceBusError

from tests.servicebus_local.bus import NOTHING, WAIT, Serve, bodies, receive

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_is_sent_is_received(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    sent = ServiceBusMessage(
        b"\x00\x01binary",
        message_id="id-1",
        session_id="s-1",
        correlation_id="c-1",
        subject="subject",
        to="somewhere",
        reply_to="elsewhere",
        reply_to_session_id="rs-1",
        content_type="application/json",
        partition_key="s-1",
        time_to_live=timedelta(hours=1),
        application_properties={"text": "ü", "number": 7, "large": 2**30, "truth": True, "ratio": 0.5},
    )
    await bus.send("q", sent)
    async with bus.receiver("q") as receiver:
        (message,) = await receive(receiver)
        assert b"".join(message.body) == b"\x00\x01binary"
        assert (message.message_id, message.session_id, message.correlation_id) == ("id-1", "s-1", "c-1")
        assert (message.subject, message.to, message.reply_to) == ("subject", "somewhere", "elsewhere")
        assert (message.reply_to_session_id, message.content_type) == ("rs-1", "application/json")
        assert (message.partition_key, message.time_to_live) == ("s-1", timedelta(hours=1))
        assert message.application_properties == {
            b"text": "ü".encode(),
            b"number": 7,
            b"large": 2**30,
            b"truth": True,
            b"ratio": 0.5,
        }
        assert message.delivery_count == 0
        assert isinstance(message.lock_token, uuid.UUID)
        assert message.raw_amqp_message.delivery_annotations == {b"x-opt-lock-token": message.lock_token}
        assert message.enqueued_time_utc is not None
        assert message.locked_until_utc is not None
        assert message.locked_until_utc - message.enqueued_time_utc >= timedelta(seconds=59)
        await receiver.complete_message(message)
    assert (await bus.stats("q"))["active"] == 0


async def test_messages_come_in_the_order_of_their_sequence_numbers(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    await bus.send("q", *[str(number) for number in range(20)])
    async with bus.receiver("q") as receiver:
        messages = await receive(receiver, 20)
    assert bodies(messages) == [str(number) for number in range(20)]
    numbers = [message.sequence_number or 0 for message in messages]
    assert numbers == list(range(numbers[0], numbers[0] + 20))


async def test_a_batch_arrives_as_its_messages(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    sender = await bus.sender("q")
    batch = await sender.create_message_batch()
    for number in range(500):
        batch.add_message(ServiceBusMessage(str(number), message_id=f"m-{number}"))
    await sender.send_messages(batch)
    async with bus.receiver("q", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as receiver:
        messages = await receive(receiver, 500)
    assert bodies(messages) == [str(number) for number in range(500)]
    assert messages[499].message_id == "m-499"


async def test_a_message_of_many_frames_goes_both_ways(serve: Serve) -> None:
    bus = await serve(queues={"q": {"MaxMessageSizeInKilobytes": 2048}})
    body = bytes(range(256)) * 6000
    await bus.send("q", ServiceBusMessage(body))
    async with bus.receiver("q") as receiver:
        (message,) = await receive(receiver)
        assert b"".join(message.body) == body
        await receiver.complete_message(message)


async def test_a_message_above_the_limit_is_refused_and_the_link_lives_on(serve: Serve) -> None:
    bus = await serve(queues={"q": {}, "small": {"MaxMessageSizeInKilobytes": 1}})
    for queue, size in (("q", 300_000), ("small", 1100)):
        sender = await bus.sender(queue)
        with pytest.raises(MessageSizeExceededError):
            await sender.send_messages(ServiceBusMessage(b"x" * size))
        await sender.send_messages(ServiceBusMessage("fits"))
        assert (await bus.stats(queue))["active"] == 1


async def test_the_size_of_a_batch_is_announced(serve: Serve) -> None:
    bus = await serve(queues={"standard": {}, "small": {"MaxMessageSizeInKilobytes": 64}})
    for queue, size in (("standard", 256 * 1024), ("small", 64 * 1024)):
        sender = await bus.sender(queue)
        assert (await sender.create_message_batch()).max_size_in_bytes == size


async def test_receive_and_delete_takes_messages_for_good(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    await bus.send("q", "a", "b")
    async with bus.receiver("q", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as receiver:
        assert bodies(await receive(receiver, 2)) == ["a", "b"]
    counts = await bus.stats("q")
    assert (counts["active"], counts["locked"]) == (0, 0)


async def test_a_receiver_that_waits_gets_what_is_sent_later(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    async with bus.receiver("q") as receiver:
        waiting = asyncio.create_task(receive(receiver))
        await asyncio.sleep(0.1)
        await bus.send("q", "late")
        assert bodies(await waiting) == ["late"]


async def test_competing_receivers_share_the_messages(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    async with bus.receiver("q") as one, bus.receiver("q") as other:
        both = asyncio.gather(receive(one, 10), receive(other, 10))
        await asyncio.sleep(0.3)
        await bus.send("q", *[str(number) for number in range(20)])
        found = await both
    assert sorted(int(body) for messages in found for body in bodies(messages)) == list(range(20))


async def test_no_more_is_delivered_than_there_is_credit_for(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    await bus.send("q", *"abcdef")
    async with bus.receiver("q") as receiver:
        await receive(receiver, 2)
        counts = await bus.stats("q")
        assert counts["active"] >= 3  # the SDK asks for one more than it was told to
        assert counts["active"] + counts["locked"] == 6


async def test_peeking_changes_nothing(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    await bus.send("q", "a", "b", "c")
    async with bus.receiver("q") as receiver:
        first = await receiver.peek_messages(2)
        rest = await receiver.peek_messages(5, sequence_number=(first[-1].sequence_number or 0) + 1)
        assert bodies([*first, *rest]) == ["a", "b", "c"]
        assert await receiver.peek_messages(5, sequence_number=1000) == []
    assert (await bus.stats("q"))["active"] == 3


async def test_an_entity_that_is_not_configured_is_not_found(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    with pytest.raises(MessagingEntityNotFoundError):
        await bus.send("nowhere", "x")
    with pytest.raises(MessagingEntityNotFoundError):
        async with bus.receiver("nowhere"):
            pass


async def test_names_are_found_in_any_case(serve: Serve) -> None:
    bus = await serve(queues={"Fetch-Jobs": {}})
    await bus.send("fetch-jobs", "x")
    async with bus.receiver("FETCH-JOBS") as receiver:
        assert bodies(await receive(receiver)) == ["x"]


async def test_a_topic_cannot_be_received_from(serve: Serve) -> None:
    bus = await serve(topics={"t": {}})
    with pytest.raises(ServiceBusError, match="receive from its subscriptions"):
        async with bus.receiver("t"):
            pass


async def test_the_synchronous_client_works_too(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})

    def talk() -> list[str]:
        with SyncClient.from_connection_string(bus.namespace.connection_string) as client:
            with client.get_queue_sender("q") as sender:
                sender.send_messages([ServiceBusMessage("a"), ServiceBusMessage("b")])
            with client.get_queue_receiver("q") as receiver:
                messages = receiver.receive_messages(2, max_wait_time=WAIT)
                for message in messages:
                    receiver.complete_message(message)
                return [str(message) for message in messages]

    assert await asyncio.to_thread(talk) == ["a", "b"]
    assert (await bus.stats("q"))["active"] == 0


async def test_an_empty_queue_gives_nothing(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    async with bus.receiver("q") as receiver:
        assert await receive(receiver, wait=NOTHING) == []
