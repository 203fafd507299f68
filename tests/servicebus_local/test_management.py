"""The management node, asked for what the SDK does not ask, and for nonsense."""

from typing import Any, cast

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusReceiver

from tests.servicebus_local.bus import Bus, Serve

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def ask(receiver: ServiceBusReceiver, operation: str, body: object) -> tuple[int, Any]:
    """Send a request as the SDK would; returns the status and the body of the answer."""

    def take(status: int, message: Any, description: bytes, **_: object) -> tuple[int, Any]:
        return status, message.value

    answer = await cast("Any", receiver)._mgmt_request_response(operation.encode(), body, take)
    return cast("tuple[int, Any]", answer)


async def taken(bus: Bus) -> int:
    await bus.send("t", ServiceBusMessage("x", subject="page"))
    return int((await bus.stats("t/subscriptions/s"))["active"])


async def test_rules_are_enumerated_added_and_removed(serve: Serve) -> None:
    bus = await serve(topics={"t": {"Subscriptions": [{"Name": "s"}]}})
    page = {"top": 10, "skip": 0}
    async with bus.subscriber("t", "s") as receiver:
        status, found = await ask(receiver, "com.microsoft:enumerate-rules", page)
        assert (status, found[b"rules"][0][b"rule-description"][2]) == (200, b"$Default")
        assert await ask(receiver, "com.microsoft:remove-rule", {"rule-name": "$Default"}) == (200, {})
        assert (await ask(receiver, "com.microsoft:enumerate-rules", page))[0] == 204
        assert await taken(bus) == 0
        description = {"sql-filter": {"expression": "sys.Label = 'page'"}, "sql-rule-action": {"expression": "SET n=1"}}
        rule = {"rule-name": "r", "rule-description": description}
        assert (await ask(receiver, "com.microsoft:add-rule", rule))[0] == 200
        assert (await ask(receiver, "com.microsoft:add-rule", rule))[0] == 409
        assert await taken(bus) == 1
        correlation = {"correlation-filter": {"label": "page", "properties": {"n": 1}}}
        rule = {"rule-name": "c", "rule-description": correlation}
        assert (await ask(receiver, "com.microsoft:add-rule", rule))[0] == 200
        _, found = await ask(receiver, "com.microsoft:enumerate-rules", page)
        assert [each[b"rule-description"][2] for each in found[b"rules"]] == [b"r", b"c"]
        assert found[b"rules"][1][b"rule-description"][0][4] == b"page"
        bad = {"rule-name": "bad", "rule-description": {"sql-filter": {"expression": "a ="}}}
        assert (await ask(receiver, "com.microsoft:add-rule", bad))[0] == 400


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("com.microsoft:peek-message", {}),
        ("com.microsoft:peek-message", {"from-sequence-number": "x", "message-count": 1}),
        ("com.microsoft:renew-lock", {"lock-tokens": [1, 2]}),
        ("com.microsoft:receive-by-sequence-number", {"sequence-numbers": None, "receiver-settle-mode": 1}),
        ("com.microsoft:update-disposition", {"disposition-status": "completed"}),
        ("com.microsoft:schedule-message", {"messages": [{"message": b"junk"}]}),
        ("com.microsoft:cancel-scheduled-message", {"sequence-numbers": None}),
        ("com.microsoft:get-session-state", {"session-id": "none here"}),
        ("com.microsoft:get-message-sessions", {}),
    ],
)
async def test_a_malformed_request_is_answered_with_400_and_the_connection_lives(
    serve: Serve, operation: str, body: dict[str, Any]
) -> None:
    bus = await serve(queues={"q": {}})
    async with bus.receiver("q") as receiver:
        assert (await ask(receiver, operation, body))[0] == 400
        await bus.send("q", "x")
        assert len(await receiver.peek_messages(1)) == 1


async def test_an_operation_that_is_none_is_refused(serve: Serve) -> None:
    bus = await serve(queues={"q": {}})
    async with bus.receiver("q") as receiver:
        assert (await ask(receiver, "com.microsoft:fly", {}))[0] == 501
