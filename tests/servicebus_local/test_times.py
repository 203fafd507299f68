"""What depends on time: scheduled messages, expiry and duplicate detection."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusMessageState, ServiceBusSubQueue
from azure.servicebus.exceptions import ServiceBusError

from servicebus_local import ManualClock
from tests.servicebus_local.bus import Bus, Serve, bodies, receive
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR = 3_600_000
DEDUPED = {"RequiresDuplicateDetection": True, "DuplicateDetectionHistoryTimeWindow": "PT10M"}


def later(clock: ManualClock, milliseconds: int) -> datetime:
    return datetime.fromtimestamp((clock.now + milliseconds) / 1000, UTC)


async def has(bus: Bus, entity: str, **wanted: int) -> bool:
    counts = await bus.stats(entity)
    return all(counts[state] == count for state, count in wanted.items())


async def test_a_scheduled_message_waits_for_its_time(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues={"q": {}}, clock=clock)
    scheduled = ServiceBusMessage("x", scheduled_enqueue_time_utc=later(clock, HOUR), partition_key="key")
    await bus.send("q", scheduled)
    assert await has(bus, "q", scheduled=1, active=0)
    async with bus.receiver("q") as receiver:
        (peeked,) = await receiver.peek_messages(1)
        assert peeked.state == ServiceBusMessageState.SCHEDULED
        clock.advance(HOUR)
        (message,) = await receive(receiver)
        assert (str(message), message.partition_key) == ("x", "key")
        assert message.enqueued_time_utc == datetime.fromtimestamp(clock.now / 1000, UTC)
        assert (message.sequence_number or 0) > (peeked.sequence_number or 0)


async def test_a_time_in_the_past_is_now(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues={"q": {}}, clock=clock)
    await bus.send("q", ServiceBusMessage("x", scheduled_enqueue_time_utc=later(clock, -HOUR)))
    assert await has(bus, "q", scheduled=0, active=1)


async def test_scheduled_messages_can_be_cancelled_once(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues={"q": {}}, clock=clock)
    sender = await bus.sender("q")
    messages = [ServiceBusMessage("a"), ServiceBusMessage("b")]
    numbers = await sender.schedule_messages(messages, later(clock, HOUR))
    assert await has(bus, "q", scheduled=2)
    await sender.cancel_scheduled_messages(numbers[0])
    assert await has(bus, "q", scheduled=1)
    with pytest.raises(ServiceBusError):
        await sender.cancel_scheduled_messages(numbers[0])
    clock.advance(HOUR)
    async with bus.receiver("q") as receiver:
        assert bodies(await receive(receiver)) == ["b"]


async def test_a_topic_holds_scheduled_messages_and_fans_them_out(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(topics={"t": {"Subscriptions": [{"Name": "a"}, {"Name": "b"}]}}, clock=clock)
    sender = await bus.sender("t")
    await sender.schedule_messages(ServiceBusMessage("x"), later(clock, HOUR))
    assert await has(bus, "t", scheduled=1)
    assert await has(bus, "t/subscriptions/a", scheduled=0, active=0)
    clock.advance(HOUR)
    for name in ("a", "b"):
        async with bus.subscriber("t", name) as receiver:
            assert bodies(await receive(receiver)) == ["x"]
    assert await has(bus, "t", scheduled=0)


async def test_all_scheduled_messages_can_be_released(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues={"q": {}}, topics={"t": {"Subscriptions": [{"Name": "a"}]}}, clock=clock)
    await bus.send("q", *[ServiceBusMessage("x", scheduled_enqueue_time_utc=later(clock, HOUR)) for _ in range(2)])
    sender = await bus.sender("t")
    await sender.send_messages(ServiceBusMessage("y", scheduled_enqueue_time_utc=later(clock, HOUR)))
    assert await bus.http("POST", "/scheduled/release") == {"released": 3, "in_hand": 0}
    assert await has(bus, "q", scheduled=0, active=2)
    assert await has(bus, "t/subscriptions/a", active=1)
    assert await bus.http("POST", "/scheduled/release") == {"released": 0, "in_hand": 0}


@pytest.mark.parametrize("sessions", [True, False], ids=["sessions", "subjects"])
async def test_what_comes_of_a_message_in_hand_is_released_too(
    serve: Serve, clock: ManualClock, sessions: bool
) -> None:
    bus = await serve(queues={"q": {"RequiresSession": sessions}}, clock=clock)

    def message(body: str, name: str, **more: Any) -> ServiceBusMessage:
        return ServiceBusMessage(body, subject=name, session_id=name if sessions else None, **more)

    await bus.send("q", message("mine", "mine"))
    async with bus.receiver("q", **({"session_id": "mine"} if sessions else {})) as receiver:
        (held,) = await receive(receiver)
        release = asyncio.create_task(bus.http("POST", "/scheduled/release?about=mine&about=nobody&seconds=60"))
        other = await bus.http("POST", "/scheduled/release?about=others&seconds=60")
        assert other == {"released": 0, "in_hand": 0}
        assert await bus.http("POST", "/scheduled/release?about=mine&seconds=0.1") == {"released": 0, "in_hand": 1}
        await bus.send("q", message("later", "mine", scheduled_enqueue_time_utc=later(clock, HOUR)))
        assert await has(bus, "q", scheduled=1, locked=1)
        assert not release.done()
        await receiver.complete_message(held)
        assert await release == {"released": 1, "in_hand": 0}
        assert bodies(await receive(receiver)) == ["later"]


async def test_a_message_expires_by_its_own_time_to_live(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues={"q": {}}, clock=clock)
    await bus.send("q", ServiceBusMessage("short", time_to_live=timedelta(minutes=1)), ServiceBusMessage("for ever"))
    clock.advance(61_000)
    await until(lambda: has(bus, "q", active=1, dead_letter=0))


async def test_an_expired_message_is_dead_lettered_when_so_configured(serve: Serve, clock: ManualClock) -> None:
    properties = {"DefaultMessageTimeToLive": "PT1M", "DeadLetteringOnMessageExpiration": True}
    bus = await serve(queues={"q": properties}, clock=clock)
    await bus.send("q", ServiceBusMessage("x", time_to_live=timedelta(hours=5)))
    clock.advance(61_000)
    async with bus.receiver("q", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
        (dead,) = await receive(receiver)
        assert dead.dead_letter_reason == "TTLExpiredException"
    assert await has(bus, "q", active=0)


async def test_a_locked_message_does_not_expire(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues={"q": {"LockDuration": "PT5M"}}, clock=clock)
    await bus.send("q", ServiceBusMessage("x", time_to_live=timedelta(minutes=1)))
    async with bus.receiver("q") as receiver:
        (message,) = await receive(receiver)
        clock.advance(61_000)
        await asyncio.sleep(0.2)
        assert await has(bus, "q", locked=1)
        await receiver.abandon_message(message)
        await until(lambda: has(bus, "q", active=0, locked=0))


async def test_a_duplicate_is_accepted_and_dropped_within_the_window(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues={"q": DEDUPED}, clock=clock)
    await bus.send("q", *[ServiceBusMessage("x", message_id="same") for _ in range(3)])
    sender = await bus.sender("q")
    await sender.send_messages([ServiceBusMessage("y", message_id=each) for each in ("same", "other", "other")])
    assert await has(bus, "q", active=2)
    clock.advance(601_000)
    await bus.send("q", ServiceBusMessage("x", message_id="same"))
    assert await has(bus, "q", active=3)


async def test_a_completed_message_is_still_remembered(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues={"q": DEDUPED}, clock=clock)
    await bus.send("q", ServiceBusMessage("x", message_id="same"))
    async with bus.receiver("q") as receiver:
        await receiver.complete_message((await receive(receiver))[0])
    await bus.send("q", ServiceBusMessage("x", message_id="same"))
    assert await has(bus, "q", active=0)


async def test_without_duplicate_detection_all_are_kept(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    await bus.send("q", *[ServiceBusMessage("x", message_id="same") for _ in range(2)])
    assert await has(bus, "q", active=2)


async def test_a_topic_detects_duplicates_for_all_its_subscriptions(serve: Serve) -> None:
    bus = await serve(topics={"t": {"Properties": DEDUPED, "Subscriptions": [{"Name": "a"}, {"Name": "b"}]}})
    sender = await bus.sender("t")
    await sender.send_messages([ServiceBusMessage("x", message_id="same") for _ in range(2)])
    for name in ("a", "b"):
        assert await has(bus, f"t/subscriptions/{name}", active=1)
