"""The administration over HTTP."""

import asyncio
from http import HTTPStatus

import httpx
import pytest
from azure.servicebus import ServiceBusMessage

from tests.servicebus_local.bus import Bus, Serve, receive

VERSION = {"api-version": "2021-05"}
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_it_tells_that_it_is_healthy(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    assert await bus.http("GET", "/health") == {"status": "healthy"}


async def test_what_is_no_operation_of_the_administration_is_refused(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{bus.namespace.http_port}", params=VERSION) as client:
        for method, path in (
            ("POST", "/q"),
            ("PATCH", "/q"),
            ("DELETE", "/$Resources/queues"),
            ("PUT", "/$namespaceinfo"),
        ):
            assert (await client.request(method, path)).status_code == HTTPStatus.NOT_IMPLEMENTED
        for body in ("", "no XML", "<x/>"):
            assert (await client.put("/q", content=body)).status_code == HTTPStatus.BAD_REQUEST
        for page in ({"$skip": -1}, {"$top": "x"}):
            found = await client.get("/$Resources/queues", params={**VERSION, **page})
            assert found.status_code == HTTPStatus.BAD_REQUEST
        assert (await client.get("/q")).status_code == HTTPStatus.OK


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
