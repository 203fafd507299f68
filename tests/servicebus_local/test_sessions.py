"""Sessions: one holder at a time, in order, with a state."""

import asyncio
from typing import Any

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.exceptions import (
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from servicebus_local import ManualClock
from tests.servicebus_local.bus import NOTHING, WAIT, Serve, bodies, receive

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEXT: dict[str, Any] = {"session_id": NEXT_AVAILABLE_SESSION, "max_wait_time": 10}
QUEUE = {"q": {"RequiresSession": True, "LockDuration": "PT30S"}}


def in_session(session_id: str, *texts: str) -> list[ServiceBusMessage]:
    return [ServiceBusMessage(text, session_id=session_id) for text in texts]


async def test_a_session_is_received_in_order_and_alone(serve: Serve) -> None:
    bus = await serve(queues=QUEUE)
    await bus.send("q", *in_session("a", "a1"), *in_session("b", "b1"), *in_session("a", "a2", "a3"))
    async with bus.receiver("q", session_id="a") as receiver:
        assert bodies(await receive(receiver, 4, wait=1)) == ["a1", "a2", "a3"]
        counts = await bus.stats("q")
        assert counts["sessions"] == {
            "a": {"active": 0, "locked": 3, "scheduled": 0},
            "b": {"active": 1, "locked": 0, "scheduled": 0},
        }


async def test_an_abandoned_message_comes_before_the_later_ones(serve: Serve) -> None:
    bus = await serve(queues=QUEUE)
    await bus.send("q", *in_session("a", "a1", "a2"))
    async with bus.receiver("q", session_id="a") as receiver:
        (first,) = await receive(receiver)
        await receiver.abandon_message(first)
        assert bodies(await receive(receiver, 2)) == ["a1", "a2"]


async def test_a_held_session_cannot_be_taken(serve: Serve) -> None:
    bus = await serve(queues=QUEUE)
    async with bus.client.get_queue_receiver("q", session_id="a"):
        with pytest.raises(SessionCannotBeLockedError):
            async with bus.receiver("q", session_id="a"):
                pass
    async with bus.receiver("q", session_id="a"):
        pass


async def test_the_next_available_session_is_one_that_nobody_holds(serve: Serve) -> None:
    bus = await serve(queues=QUEUE)
    await bus.send("q", *in_session("a", "a1"), *in_session("b", "b1"))
    async with (
        bus.receiver("q", **NEXT) as one,
        bus.receiver("q", **NEXT) as other,
    ):
        assert {one.session.session_id, other.session.session_id} == {"a", "b"}
        assert one.session.locked_until_utc is not None


async def test_who_waits_for_a_session_gets_the_one_that_comes(serve: Serve) -> None:
    bus = await serve(queues=QUEUE)

    async def accept() -> str | None:
        async with bus.receiver("q", **NEXT) as receiver:
            return receiver.session.session_id

    waiting = asyncio.create_task(accept())
    await bus.sender("q")  # opening it takes as long as opening the receiver
    await asyncio.sleep(0.2)
    await bus.send("q", *in_session("late", "x"))
    assert await waiting == "late"


async def test_waiting_for_a_session_times_out(serve: Serve) -> None:
    bus = await serve(queues=QUEUE)
    with pytest.raises(OperationTimeoutError):
        async with bus.receiver("q", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=0.3):
            pass
    await bus.send("q", *in_session("a", "not for the one who left"))
    async with bus.receiver("q", **NEXT) as receiver:
        assert len(await receive(receiver)) == 1


async def test_sessions_are_handed_out_in_turn(serve: Serve) -> None:
    bus = await serve(queues=QUEUE)
    await bus.send("q", *in_session("a", "a1"), *in_session("b", "b1"))
    async with bus.client.get_queue_receiver("q", **NEXT) as receiver:
        assert receiver.session.session_id == "a"
    async with bus.receiver("q", **NEXT) as receiver:
        assert receiver.session.session_id == "b"


async def test_closing_gives_the_session_back_uncounted(serve: Serve) -> None:
    bus = await serve(queues=QUEUE)
    await bus.send("q", *in_session("a", "a1", "a2"))
    async with bus.client.get_queue_receiver("q", session_id="a") as receiver:
        await receive(receiver, 2)
    async with bus.receiver("q", session_id="a") as receiver:
        messages = await receive(receiver, 2)
        assert bodies(messages) == ["a1", "a2"]
        assert [message.delivery_count for message in messages] == [0, 0]


async def test_a_lost_session_lock_is_told_and_counted(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues=QUEUE, clock=clock)
    await bus.send("q", *in_session("a", "a1"))
    async with bus.receiver("q", session_id="a") as receiver:
        (message,) = await receive(receiver)
        clock.advance(31_000)
        await asyncio.sleep(0.2)
        with pytest.raises(SessionLockLostError):
            await receiver.complete_message(message)
    async with bus.receiver("q", session_id="a") as receiver:
        (again,) = await receive(receiver)
        assert again.delivery_count == 1


async def test_who_waits_as_long_as_the_lock_lasts_is_told_that_nothing_came(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues=QUEUE, clock=clock)
    async with bus.receiver("q", session_id="a") as receiver:
        assert await receiver.receive_messages(max_wait_time=0.2) == []
        clock.advance(30_100)
        assert await receiver.receive_messages(max_wait_time=0.5) == []
        with pytest.raises(SessionLockLostError):
            await receiver.session.get_state()
        clock.advance(500)
        with pytest.raises(SessionLockLostError):
            await receiver.receive_messages(max_wait_time=WAIT)


async def test_a_renewed_session_lock_lasts_longer(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues=QUEUE, clock=clock)
    await bus.send("q", *in_session("a", "a1"))
    async with bus.receiver("q", session_id="a") as receiver:
        (message,) = await receive(receiver)
        before = receiver.session.locked_until_utc
        clock.advance(20_000)
        after = await receiver.session.renew_lock()
        assert before is not None
        assert (after - before).total_seconds() == 20
        clock.advance(20_000)
        await asyncio.sleep(0.2)
        await receiver.complete_message(message)


async def test_a_session_state_is_kept_and_cleared(serve: Serve) -> None:
    bus = await serve(queues=QUEUE)
    async with bus.client.get_queue_receiver("q", session_id="a") as receiver:
        assert await receiver.session.get_state() is None
        await receiver.session.set_state("paused until ten")
    async with bus.receiver("q", session_id="a") as receiver:
        assert await receiver.session.get_state() == b"paused until ten"
        await receiver.session.set_state(None)
        assert await receiver.session.get_state() is None


async def test_peeking_can_be_limited_to_the_session(serve: Serve) -> None:
    bus = await serve(queues=QUEUE)
    await bus.send("q", *in_session("b", "b1"), *in_session("a", "a1"))
    async with bus.receiver("q", session_id="a") as receiver:
        assert bodies(await receiver.peek_messages(10)) == ["a1"]


async def test_a_message_without_a_session_is_refused(serve: Serve) -> None:
    bus = await serve(queues=QUEUE)
    with pytest.raises(ServiceBusError, match="SessionId was not set"):
        await bus.send("q", "no session")


async def test_receivers_must_fit_the_entity(serve: Serve) -> None:
    bus = await serve(queues={**QUEUE, "plain": {}})
    with pytest.raises(ServiceBusError, match="non-sessionful message receiver"):
        async with bus.receiver("q"):
            pass
    with pytest.raises(ServiceBusError, match="does not require sessions"):
        async with bus.receiver("plain", session_id="a"):
            pass


async def test_dead_letters_of_sessions_are_received_without_one(serve: Serve) -> None:
    bus = await serve(queues=QUEUE)
    await bus.send("q", *in_session("a", "x"))
    async with bus.receiver("q", session_id="a") as receiver:
        await receiver.dead_letter_message((await receive(receiver))[0], reason="Why")
    async with bus.receiver("q", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
        (dead,) = await receive(receiver)
        assert (dead.session_id, dead.dead_letter_reason) == ("a", "Why")


async def test_a_session_without_messages_can_be_held(serve: Serve) -> None:
    bus = await serve(queues=QUEUE)
    async with bus.receiver("q", session_id="empty") as receiver:
        assert await receive(receiver, wait=NOTHING) == []
        await bus.send("q", *in_session("empty", "now"))
        assert bodies(await receive(receiver)) == ["now"]
