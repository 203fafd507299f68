"""Locks, and the ways to settle a message."""

import asyncio

import pytest
from azure.servicebus import ServiceBusSubQueue
from azure.servicebus.exceptions import MessageLockLostError

from servicebus_local import ManualClock
from tests.servicebus_local.bus import NOTHING, Serve, bodies, receive

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEAD_LETTER = ServiceBusSubQueue.DEAD_LETTER
TICK = 0.2
"""Seconds within which the namespace notices that its clock was moved."""


async def test_a_locked_message_is_with_nobody_else(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    await bus.send("q", "x")
    async with bus.receiver("q") as holder, bus.receiver("q") as other:
        await receive(holder)
        assert await receive(other, wait=NOTHING) == []
        assert (await bus.stats("q"))["locked"] == 1


async def test_an_abandoned_message_comes_back_at_once_and_counts(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    await bus.send("q", "first", "second")
    async with bus.receiver("q") as receiver:
        (message,) = await receive(receiver)
        await receiver.abandon_message(message)
        again = await receive(receiver, 2)
        assert bodies(again) == ["first", "second"]
        assert [message.delivery_count for message in again] == [1, 0]


async def test_a_lock_expires_and_the_message_comes_back(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues={"q": {"LockDuration": "PT30S"}}, clock=clock)
    await bus.send("q", "x")
    async with bus.receiver("q") as receiver, bus.receiver("q") as other:
        (message,) = await receive(receiver)
        clock.advance(31_000)
        (again,) = await receive(other)
        assert again.delivery_count == 1
        with pytest.raises(MessageLockLostError):
            await receiver.complete_message(message)
        await other.complete_message(again)
    assert (await bus.stats("q"))["locked"] == 0


async def test_a_short_lock_expires_by_the_real_clock(serve: Serve) -> None:
    bus = await serve(queues={"q": {"LockDuration": "PT1S"}})
    await bus.send("q", "x")
    async with bus.receiver("q") as receiver, bus.receiver("q") as other:
        await receive(receiver)
        (again,) = await receive(other)
        assert again.delivery_count == 1


async def test_a_renewed_lock_lasts_longer(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues={"q": {"LockDuration": "PT30S"}}, clock=clock)
    await bus.send("q", "x")
    async with bus.receiver("q") as receiver:
        (message,) = await receive(receiver)
        before = message.locked_until_utc
        clock.advance(20_000)
        after = await receiver.renew_message_lock(message)
        assert before is not None
        assert (after - before).total_seconds() == 20
        clock.advance(20_000)
        await asyncio.sleep(TICK)
        await receiver.complete_message(message)
    assert (await bus.stats("q")) == {
        "active": 0,
        "locked": 0,
        "scheduled": 0,
        "deferred": 0,
        "dead_letter": 0,
        "sessions": {},
    }


async def test_a_lost_lock_cannot_be_renewed(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues={"q": {"LockDuration": "PT30S"}}, clock=clock)
    await bus.send("q", "x")
    async with bus.receiver("q") as receiver:
        (message,) = await receive(receiver)
        clock.advance(31_000)
        with pytest.raises(MessageLockLostError):
            await receiver.renew_message_lock(message)


async def test_a_dead_lettered_message_keeps_its_reason(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    await bus.send("q", "x")
    async with bus.receiver("q") as receiver:
        (message,) = await receive(receiver)
        await receiver.dead_letter_message(message, reason="UnsupportedSchema", error_description="schema v9, ü")
    assert (await bus.stats("q"))["dead_letter"] == 1
    async with bus.receiver("q", sub_queue=DEAD_LETTER) as receiver:
        (dead,) = await receive(receiver)
        assert (dead.dead_letter_reason, dead.dead_letter_error_description) == ("UnsupportedSchema", "schema v9, ü")
        assert (dead.dead_letter_source, dead.sequence_number) == ("q", message.sequence_number)
        await receiver.complete_message(dead)
    assert (await bus.stats("q"))["dead_letter"] == 0


async def test_too_many_deliveries_end_in_the_dead_letter_queue(serve: Serve) -> None:
    bus = await serve(queues={"q": {"MaxDeliveryCount": 3}})
    await bus.send("q", "x")
    async with bus.receiver("q") as receiver:
        for count in range(3):
            (message,) = await receive(receiver)
            assert message.delivery_count == count
            await receiver.abandon_message(message)
        assert await receive(receiver, wait=NOTHING) == []
    async with bus.receiver("q", sub_queue=DEAD_LETTER) as receiver:
        (dead,) = await receive(receiver)
        assert (dead.dead_letter_reason, dead.delivery_count) == ("MaxDeliveryCountExceeded", 3)


async def test_a_dead_letter_queue_never_gives_up_a_message(serve: Serve) -> None:
    bus = await serve(queues={"q": {"MaxDeliveryCount": 1}})
    await bus.send("q", "x")
    async with bus.receiver("q") as receiver:
        await receiver.abandon_message((await receive(receiver))[0])
    async with bus.receiver("q", sub_queue=DEAD_LETTER) as receiver:
        for _ in range(3):
            await receiver.abandon_message((await receive(receiver))[0])
        assert len(await receive(receiver)) == 1


async def test_many_settlements_at_once_are_all_answered(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    await bus.send("q", *[str(number) for number in range(100)])
    async with bus.receiver("q") as receiver:
        messages = await receive(receiver, 100)
        await asyncio.gather(*(receiver.complete_message(message) for message in messages))
    assert (await bus.stats("q"))["locked"] == 0
