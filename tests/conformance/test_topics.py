"""Topics, rules and forwarding, as https://learn.microsoft.com/azure/service-bus-messaging/topic-filters has them."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.exceptions import ServiceBusError
from azure.servicebus.management import (
    CorrelationRuleFilter,
    FalseRuleFilter,
    SqlRuleAction,
    SqlRuleFilter,
    TrueRuleFilter,
)

from tests.conformance.sdk import Sdk, bodies


async def test_rules_are_added_and_removed_while_messages_come(sdk: Sdk) -> None:
    topic = await sdk.topic("all", "sql", "correlation", "none")
    for subscription, rule_filter in (
        ("sql", SqlRuleFilter("color = @color AND sys.Label = 'paint'", parameters={"@color": "blue"})),
        ("correlation", CorrelationRuleFilter(label="paint", properties={"color": "blue"})),
        ("none", FalseRuleFilter()),
    ):
        await sdk.do(sdk.admin.delete_rule, topic, subscription, "$Default")
        await sdk.do(sdk.admin.create_rule, topic, subscription, "rule", filter=rule_filter)
    colors = ("blue", "red")
    messages = [ServiceBusMessage(each, subject="paint", application_properties={"color": each}) for each in colors]
    await sdk.send(topic, *messages, topic=True)
    found = {name: await sdk.active(f"{topic}/{name}") for name in ("all", "sql", "correlation", "none")}
    assert found == {"all": 2, "sql": 1, "correlation": 1, "none": 0}


async def test_each_matching_rule_with_an_action_makes_its_own_copy(sdk: Sdk) -> None:
    topic = await sdk.topic("s")
    for name, expression in (("one", "SET n = 1"), ("two", "SET n = n + 2; REMOVE gone")):
        await sdk.do(sdk.admin.create_rule, topic, "s", name, filter=TrueRuleFilter(), action=SqlRuleAction(expression))
    await sdk.send(topic, ServiceBusMessage("x", application_properties={"n": 5, "gone": True}), topic=True)
    async with sdk.receiver(f"{topic}/s") as receiver:
        found = [message.application_properties or {} for message in await sdk.receive(receiver, 3)]
    assert [each.get(b"n") for each in found] == [5, 1, 7]
    assert [each.get(b"RuleName") for each in found] == [None, b"one", b"two"]
    assert b"gone" not in found[2]


async def test_a_filter_compares_values_of_every_type(sdk: Sdk) -> None:
    topic, now, number = await sdk.topic(), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), uuid.uuid4()
    values: dict[str, Any] = {"i": 5, "f": 1.5, "truth": True, "text": "x", "time": now}
    filters: dict[str, Any] = {
        name: CorrelationRuleFilter(properties={name: value}) for name, value in values.items()
    } | {
        "no-zone": CorrelationRuleFilter(properties={"time": now.replace(tzinfo=None)}),
        "sql": SqlRuleFilter(
            "i = @i AND f = @f AND truth = @b AND time = @t AND money > 1.2",
            parameters={
                "@i": 5,
                "@f": 1.5,
                "@b": True,
                "@t": now,
            },
        ),
        "uuid": SqlRuleFilter(f"id = '{number}'"),
        "names-in-any-case": SqlRuleFilter("TEXT = 'x' AND EXISTS(Truth) AND property('I') = 5"),
        "not-the-case": CorrelationRuleFilter(properties={"text": "X"}),
        "not-the-number": CorrelationRuleFilter(properties={"i": 6}),
    }
    for name, rule in filters.items():
        await sdk.do(sdk.admin.create_subscription, topic, name)
        await sdk.do(sdk.admin.delete_rule, topic, name, "$Default")
        await sdk.do(sdk.admin.create_rule, topic, name, "rule", filter=rule)
    properties: Any = {**values, "id": number, "money": Decimal("1.23")}
    await sdk.send(topic, ServiceBusMessage("x", application_properties=properties), topic=True)
    counts = {name: await sdk.active(f"{topic}/{name}") for name in filters}
    assert [name for name, count in counts.items() if count == 0] == ["not-the-case", "not-the-number"]


async def test_an_action_changes_properties_and_keeps_their_types(sdk: Sdk) -> None:
    topic, now = await sdk.topic("s"), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    await sdk.do(sdk.admin.delete_rule, topic, "s", "$Default")
    action = SqlRuleAction(
        "SET Color = 'red' SET big = n * 4000000000; SET copy = time; SET sys.Label = 'new';"
        " SET sys.ScheduledEnqueueTimeUtc = time; REMOVE GONE"
    )
    await sdk.do(sdk.admin.create_rule, topic, "s", "r", filter=TrueRuleFilter(), action=action)
    properties: dict[str | bytes, Any] = {"color": "blue", "n": 2, "time": now, "gone": True}
    await sdk.send(topic, ServiceBusMessage("x", application_properties=properties), topic=True)
    async with sdk.receiver(f"{topic}/s", receive_mode="receiveanddelete") as receiver:
        (message,) = await sdk.receive(receiver)
    milliseconds = round(now.timestamp() * 1000)
    assert message.subject == "new"
    assert message.application_properties == {
        b"color": b"red",
        b"n": 2,
        b"time": milliseconds,
        b"copy": milliseconds,
        b"big": 8_000_000_000,
        b"RuleName": b"r",
    }


async def test_a_queue_forwards_to_another_at_most_four_times(sdk: Sdk) -> None:
    names = [await sdk.queue()]
    for _ in range(5):
        names.append(await sdk.queue(forward_to=names[-1]))
    await sdk.send(names[4], "four hops")
    await sdk.send(names[5], "five hops")
    async with sdk.receiver(names[0]) as receiver:
        messages = await sdk.receive(receiver, 1)
        assert bodies(messages) == ["four hops"]
        assert messages[0].enqueued_sequence_number == 1
    async with sdk.receiver(names[1], sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
        (dead,) = await sdk.receive(receiver)
        assert (str(dead), dead.dead_letter_reason) == ("five hops", "MaxTransferHopCountExceeded")
    with pytest.raises(ServiceBusError, match="forwards"):
        async with sdk.receiver(names[1]):
            pass


async def test_dead_letters_are_forwarded_with_their_reason_and_source(sdk: Sdk) -> None:
    target = await sdk.queue()
    queue = await sdk.queue(forward_dead_lettered_messages_to=target, lock_duration=timedelta(seconds=30))
    await sdk.send(queue, "x")
    async with sdk.receiver(queue) as receiver:
        await sdk.do(receiver.dead_letter_message, (await sdk.receive(receiver))[0], reason="Why")
    async with sdk.receiver(target) as receiver:
        (dead,) = await sdk.receive(receiver)
        assert (dead.dead_letter_reason, dead.dead_letter_source) == ("Why", queue)


async def test_what_cannot_be_forwarded_waits_in_the_transfer_dead_letter_queue(sdk: Sdk) -> None:
    target = await sdk.queue(requires_session=True)
    queue = await sdk.queue(forward_to=target)
    await sdk.send(queue, "no session")
    async with sdk.receiver(queue, sub_queue=ServiceBusSubQueue.TRANSFER_DEAD_LETTER) as receiver:
        assert bodies(await sdk.receive(receiver)) == ["no session"]
        found = await sdk.do(sdk.admin.get_queue_runtime_properties, queue)
        assert (found.transfer_dead_letter_message_count, found.total_message_count) == (1, 1)
