"""Topics, subscriptions and rules."""

from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue

from tests.servicebus_local.bus import Bus, Serve, receive

pytestmark = pytest.mark.asyncio(loop_scope="module")


def subscription(name: str, *filters: dict[str, Any], **properties: Any) -> dict[str, Any]:
    rules = [
        {"Name": f"rule-{number}", "Properties": {"FilterType": "Correlation", "CorrelationFilter": each}}
        for number, each in enumerate(filters)
    ]
    return {"Name": name, "Properties": properties, "Rules": rules}


async def publish(bus: Bus, *messages: ServiceBusMessage) -> None:
    sender = await bus.sender("t")
    await sender.send_messages(list(messages))


async def taken(bus: Bus, name: str) -> int:
    return int((await bus.stats(f"t/subscriptions/{name}"))["active"])


async def test_every_subscription_gets_its_copy(serve: Serve) -> None:
    bus = await serve(topics={"t": {"Subscriptions": [subscription("a"), subscription("b")]}})
    await publish(bus, ServiceBusMessage("x"))
    for name in ("a", "b"):
        async with bus.subscriber("t", name) as receiver:
            (message,) = await receive(receiver)
            assert str(message) == "x"
            await receiver.complete_message(message)


async def test_a_topic_without_subscriptions_takes_and_drops(serve: Serve) -> None:
    bus = await serve(topics={"t": {}})
    await publish(bus, ServiceBusMessage("x"))
    assert (await bus.stats("t"))["active"] == 0


CORRELATIONS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "to": ({"To": "normalizer"}, {"to": "normalizer"}, {"to": "*"}),
    "label": ({"Label": "page"}, {"subject": "page"}, {"subject": "job"}),
    "session": ({"SessionId": "s"}, {"session_id": "s"}, {"session_id": "t"}),
    "message": ({"MessageId": "m"}, {"message_id": "m"}, {"message_id": "n"}),
    "correlation": ({"CorrelationId": "c"}, {"correlation_id": "c"}, {}),
    "reply-to": ({"ReplyTo": "r"}, {"reply_to": "r"}, {"reply_to": "R"}),
    "content": ({"ContentType": "text/csv"}, {"content_type": "text/csv"}, {"content_type": "text/html"}),
    "text": ({"Properties": {"kind": "stix"}}, {"kind": "stix", "more": 1}, {"kind": "csv"}),
    "number": ({"Properties": {"version": 2}}, {"version": 2}, {"version": 3}),
    "truth": ({"Properties": {"flag": True}}, {"flag": True}, {"flag": 1}),
}
"""Subscription: its filter, what a message needs to pass it, and what is not enough."""


def message_with(wanted: dict[str, Any], values: dict[str, Any]) -> ServiceBusMessage:
    values = {"application_properties": values} if "Properties" in wanted else values
    return ServiceBusMessage("x", **values)


async def test_correlation_filters_compare_each_property(serve: Serve) -> None:
    subscriptions = [subscription(name, wanted) for name, (wanted, _, _) in CORRELATIONS.items()]
    bus = await serve(topics={"t": {"Subscriptions": subscriptions}})
    await publish(bus, *[message_with(wanted, differs) for wanted, _, differs in CORRELATIONS.values()])
    assert {name: await taken(bus, name) for name in CORRELATIONS} == dict.fromkeys(CORRELATIONS, 0)
    await publish(bus, *[message_with(wanted, fits) for wanted, fits, _ in CORRELATIONS.values()])
    assert {name: await taken(bus, name) for name in CORRELATIONS} == dict.fromkeys(CORRELATIONS, 1)


async def test_all_of_a_filter_must_hold_but_only_one_rule(serve: Serve) -> None:
    both = subscription("both", {"To": "x", "Label": "l"})
    either = subscription("either", {"To": "x"}, {"Label": "l"})
    bus = await serve(topics={"t": {"Subscriptions": [both, either]}})
    await publish(bus, ServiceBusMessage("1", to="x"), ServiceBusMessage("2", to="x", subject="l"))
    assert (await taken(bus, "both"), await taken(bus, "either")) == (1, 2)


async def test_a_replay_can_be_aimed_at_one_subscription(serve: Serve) -> None:
    names = ("normalizer", "audit")
    bus = await serve(
        topics={"t": {"Subscriptions": [subscription(name, {"To": "*"}, {"To": name}) for name in names]}}
    )
    await publish(bus, ServiceBusMessage("all", to="*"), ServiceBusMessage("one", to="normalizer"))
    assert (await taken(bus, "normalizer"), await taken(bus, "audit")) == (2, 1)


async def test_a_subscription_has_its_own_dead_letter_queue(serve: Serve) -> None:
    bus = await serve(topics={"t": {"Subscriptions": [subscription("a"), subscription("b")]}})
    await publish(bus, ServiceBusMessage("x"))
    async with bus.subscriber("t", "a") as receiver:
        await receiver.dead_letter_message((await receive(receiver))[0], reason="Why")
    dead_letter = ServiceBusSubQueue.DEAD_LETTER
    async with bus.subscriber("t", "a", sub_queue=dead_letter) as receiver:
        (dead,) = await receive(receiver)
        assert (dead.dead_letter_reason, dead.dead_letter_source) == ("Why", "t/subscriptions/a")
    assert (await bus.stats("t/subscriptions/b"))["dead_letter"] == 0


async def test_a_session_subscription_dead_letters_what_has_no_session(serve: Serve) -> None:
    bus = await serve(topics={"t": {"Subscriptions": [subscription("s", RequiresSession=True)]}})
    await publish(bus, ServiceBusMessage("with", session_id="a"), ServiceBusMessage("without"))
    counts = await bus.stats("t/subscriptions/s")
    assert (counts["active"], counts["dead_letter"]) == (1, 1)
    async with bus.subscriber("t", "s", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
        assert (await receive(receiver))[0].dead_letter_reason == "Session ID is null"


def sql(name: str, condition: str, action: str | None = None) -> dict[str, Any]:
    properties = {"FilterType": "Sql", "SqlFilter": {"SqlExpression": condition}}
    return {"Name": name, "Properties": properties | ({} if action is None else {"Action": {"SqlExpression": action}})}


async def test_a_sql_filter_reads_system_and_application_properties(serve: Serve) -> None:
    condition = "sys.Label LIKE 'page%' AND (size > 10 OR urgent = TRUE) AND missing IS NULL"
    bus = await serve(topics={"t": {"Subscriptions": [{"Name": "a", "Rules": [sql("r", condition)]}]}})
    sent: list[tuple[str, dict[str | bytes, Any]]] = [
        ("page-1", {"size": 11}),
        ("page-2", {"size": 1, "urgent": True}),
        ("page-3", {"size": 1}),
        ("job", {"size": 11}),
        ("page-4", {"size": 11, "missing": "no"}),
    ]
    for subject, properties in sent:
        await publish(bus, ServiceBusMessage("x", subject=subject, application_properties=properties))
    assert await taken(bus, "a") == 2


async def test_each_rule_with_an_action_makes_a_copy_and_the_others_one_together(serve: Serve) -> None:
    rules = [
        sql("plain-1", "1=1"),
        sql("plain-2", "color = 'blue'"),
        sql("doubled", "color = 'blue'", "SET n = n * 2; SET sys.Label = 'changed'; REMOVE color"),
        sql("none", "color = 'red'", "SET n = 0"),
    ]
    bus = await serve(topics={"t": {"Subscriptions": [{"Name": "a", "Rules": rules}]}})
    await publish(
        bus,
        ServiceBusMessage(
            b"body", subject="s", message_id="m", application_properties={"n": 21, "color": "blue", "kept": 1.5}
        ),
    )
    async with bus.subscriber("t", "a") as receiver:
        plain, changed = await receive(receiver, 2)
        assert (plain.subject, changed.subject) == ("s", "changed")
        assert plain.application_properties == {b"n": 21, b"color": b"blue", b"kept": 1.5}
        assert changed.application_properties == {b"n": 42, b"kept": 1.5, b"RuleName": b"doubled"}
        assert (changed.message_id, b"".join(changed.body)) == ("m", b"body")


@pytest.mark.parametrize("kept", [True, False])
async def test_a_message_that_a_filter_cannot_judge_is_dead_lettered_when_so_configured(
    serve: Serve, *, kept: bool
) -> None:
    entity = {
        "Name": "a",
        "Properties": {"DeadLetteringOnFilterEvaluationExceptions": kept},
        "Rules": [sql("r", "10 / n = 5")],
    }
    bus = await serve(topics={"t": {"Subscriptions": [entity]}})
    await publish(bus, ServiceBusMessage("x", application_properties={"n": 0}))
    counts = await bus.stats("t/subscriptions/a")
    assert (counts["active"], counts["dead_letter"]) == (0, int(kept))
