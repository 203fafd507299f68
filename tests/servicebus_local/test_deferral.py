"""Messages that are set aside and asked for by their numbers; sessions that are listed."""

from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusMessageState, ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.exceptions import MessageLockLostError, MessageNotFoundError

from servicebus_local import ManualClock
from tests.servicebus_local.bus import NOTHING, Serve, bodies, receive

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_deferred_message_is_only_found_by_its_number(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    await bus.send("q", "a", "b", "c", "d")
    async with bus.receiver("q") as receiver:
        messages = await receive(receiver, 4)
        for message in messages:
            await receiver.defer_message(message)
        assert await receive(receiver, wait=NOTHING) == []
        assert (await bus.stats("q"))["deferred"] == 4
        assert {peeked.state for peeked in await receiver.peek_messages(9, sequence_number=1)} == {
            ServiceBusMessageState.DEFERRED
        }
        numbers = [message.sequence_number or 0 for message in messages]
        again = await receiver.receive_deferred_messages(numbers)
        assert bodies(again) == ["a", "b", "c", "d"]
        with pytest.raises(MessageNotFoundError):
            await receiver.receive_deferred_messages(numbers[0])
        await receiver.complete_message(again[0])
        await receiver.abandon_message(again[1])
        await receiver.dead_letter_message(again[2], reason="Why", error_description="because")
        await receiver.defer_message(again[3])
        counts = await bus.stats("q")
        assert (counts["deferred"], counts["dead_letter"], counts["active"], counts["locked"]) == (2, 1, 0, 0)
        (second,) = await receiver.receive_deferred_messages(numbers[1])
        assert second.delivery_count == 2
    async with bus.receiver("q", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
        (dead,) = await receive(receiver)
        assert (dead.dead_letter_reason, dead.dead_letter_error_description) == ("Why", "because")


async def test_a_deferred_message_can_be_taken_for_good(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    await bus.send("q", "a")
    async with bus.receiver("q") as receiver:
        (message,) = await receive(receiver)
        await receiver.defer_message(message)
    async with bus.receiver("q", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as receiver:
        assert bodies(await receiver.receive_deferred_messages([message.sequence_number or 0])) == ["a"]
    assert (await bus.stats("q"))["deferred"] == 0


async def test_the_lock_of_a_deferred_message_expires_back_into_deferral(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues={"q": {"LockDuration": "PT30S"}}, clock=clock)
    await bus.send("q", "a")
    async with bus.receiver("q") as receiver:
        (message,) = await receive(receiver)
        await receiver.defer_message(message)
        (again,) = await receiver.receive_deferred_messages(message.sequence_number or 0)
        clock.advance(20_000)
        await receiver.renew_message_lock(again)
        clock.advance(31_000)
        with pytest.raises(MessageLockLostError):
            await receiver.complete_message(again)
        assert await receive(receiver, wait=NOTHING) == []
        assert (await bus.stats("q"))["deferred"] == 1


async def test_a_deferred_message_of_a_session_is_received_with_that_session(serve: Serve) -> None:
    bus = await serve(queues={"q": {"RequiresSession": True}})
    await bus.send("q", *[ServiceBusMessage(text, session_id="s") for text in ("a", "b")])
    async with bus.receiver("q", session_id="s") as receiver:
        first, second = await receive(receiver, 2)
        await receiver.defer_message(first)
        await receiver.complete_message(second)
        (again,) = await receiver.receive_deferred_messages(first.sequence_number or 0)
        assert str(again) == "a"
    async with bus.receiver("q", session_id="other") as receiver:
        with pytest.raises(MessageNotFoundError):
            await receiver.receive_deferred_messages(first.sequence_number or 0)
    async with bus.client.get_queue_receiver("q", session_id="s") as receiver:
        (again,) = await receiver.receive_deferred_messages(first.sequence_number or 0)
        await receiver.complete_message(again)
    assert (await bus.stats("q"))["deferred"] == 0


async def test_sessions_with_messages_or_a_state_are_listed(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues={"q": {"RequiresSession": True}}, clock=clock)
    assert [name async for name in bus.client.list_queue_sessions("q")] == []
    await bus.send("q", *[ServiceBusMessage("x", session_id=f"s{number:03}") for number in range(150)])
    async with bus.receiver("q", session_id="with-state") as receiver:
        await receiver.session.set_state("x")
    names = [name async for name in bus.client.list_queue_sessions("q")]
    assert names == [*[f"s{number:03}" for number in range(150)], "with-state"]
    now = datetime.fromtimestamp(clock.now / 1000, UTC)
    for since, wanted in ((now - timedelta(seconds=1), ["with-state"]), (now + timedelta(seconds=1), [])):
        assert [name async for name in bus.client.list_queue_sessions("q", state_updated_after=since)] == wanted
