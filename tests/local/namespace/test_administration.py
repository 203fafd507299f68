"""The administration over HTTP."""

import asyncio

import pytest
from azure.servicebus import ServiceBusMessage

from tests.local.namespace.bus import Bus, Serve, receive

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_it_tells_that_it_is_healthy(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    assert await bus.http("GET", "/health") == {"status": "healthy"}


async def test_the_counts_name_every_queue_topic_and_subscription(serve: Serve) -> None:
    topics = {"Raw-Pages": {"Subscriptions": [{"Name": "normalizer"}]}}
    bus = await serve(queues={"fetch-jobs": {}}, topics=topics)
    await bus.send("Raw-Pages", ServiceBusMessage("x", session_id="s"), ServiceBusMessage("y"))
    nothing = {"active": 0, "locked": 0, "scheduled": 0, "deferred": 0, "dead_letter": 0, "sessions": {}}
    assert await bus.http("GET", "/stats") == {
        "fetch-jobs": nothing,
        "Raw-Pages": nothing,
        "Raw-Pages/subscriptions/normalizer": {
            **nothing,
            "active": 2,
            "sessions": {"s": {"active": 1, "locked": 0, "scheduled": 0}},
        },
    }


async def test_no_message_is_out_of_sight_while_it_is_handed_on(serve: Serve) -> None:
    bus = await serve(queues={"from": {}, "to": {}})
    total = 60
    await bus.send("from", *[str(number) for number in range(total)])
    moving = asyncio.create_task(_move(bus, total))
    seen = []
    while not moving.done():
        counts = await bus.http("GET", "/stats")
        seen.append(sum(each["active"] + each["locked"] for each in counts.values()))
    await moving
    assert min(seen) >= total
    assert (await bus.stats("to"))["active"] == total


async def _move(bus: Bus, total: int) -> None:
    """As the services do: send on, wait for the broker's word, complete."""
    async with bus.receiver("from") as receiver:
        for _ in range(total):
            (message,) = await receive(receiver)
            await bus.send("to", ServiceBusMessage(str(message)))
            await receiver.complete_message(message)
