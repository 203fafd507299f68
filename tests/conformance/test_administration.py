"""The administration client: https://learn.microsoft.com/python/api/azure-servicebus/azure.servicebus.management."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import MessagingEntityNotFoundError, ServiceBusError
from azure.servicebus.management import (
    AuthorizationRule,
    CorrelationRuleFilter,
    SqlRuleAction,
    SqlRuleFilter,
    TrueRuleFilter,
)

from tests.conformance.sdk import Sdk

SETTINGS: dict[str, Any] = {
    "auto_delete_on_idle": timedelta(minutes=10),
    "dead_lettering_on_message_expiration": True,
    "default_message_time_to_live": timedelta(minutes=11),
    "duplicate_detection_history_time_window": timedelta(minutes=12),
    "enable_batched_operations": False,
    "lock_duration": timedelta(seconds=13),
    "max_delivery_count": 14,
    "max_size_in_megabytes": 3072,
    "user_metadata": "for tests",
}


async def test_a_queue_has_the_services_defaults(sdk: Sdk) -> None:
    found = await sdk.do(sdk.admin.get_queue, await sdk.queue())
    assert (found.status, found.availability_status) == ("Active", "Available")
    assert (found.lock_duration, found.max_delivery_count) == (timedelta(minutes=1), 10)
    assert (found.requires_session, found.requires_duplicate_detection) == (False, False)
    assert (found.forward_to, found.max_size_in_megabytes) == (None, 1024)


async def test_a_queue_is_created_read_updated_and_deleted(sdk: Sdk) -> None:
    rule = AuthorizationRule(
        type="SharedAccessAuthorizationRule",
        claim_type="SharedAccessKey",
        claim_value="None",
        rights=["Send"],
        key_name="sender",
        primary_key="a" * 44,
        secondary_key="b" * 44,
    )
    queue = await sdk.queue(requires_session=True, authorization_rules=[rule], **SETTINGS)
    found = await sdk.do(sdk.admin.get_queue, queue)
    assert {name: getattr(found, name) for name in SETTINGS} == SETTINGS
    assert (found.requires_session, found.authorization_rules[0].key_name) == (True, "sender")
    found.lock_duration = "PT20S"
    await sdk.do(sdk.admin.update_queue, found, max_delivery_count=3)
    changed = await sdk.do(sdk.admin.get_queue, queue)
    assert (changed.lock_duration, changed.max_delivery_count) == (timedelta(seconds=20), 3)
    changed.requires_session = False
    with pytest.raises(HttpResponseError, match="requires_session"):
        await sdk.do(sdk.admin.update_queue, changed)
    await sdk.do(sdk.admin.delete_queue, queue)
    for call in (sdk.admin.get_queue, sdk.admin.delete_queue, sdk.admin.get_queue_runtime_properties):
        with pytest.raises(ResourceNotFoundError):
            await sdk.do(call, queue)


async def test_names_are_unique_in_any_case_and_valid(sdk: Sdk) -> None:
    queue = await sdk.queue()
    for create in (sdk.admin.create_queue, sdk.admin.create_topic):
        with pytest.raises(ResourceExistsError):
            await sdk.do(create, queue.upper())
    for name in ("bad name", "", "a?", "-a", "a-", "x" * 261):
        with pytest.raises(HttpResponseError):
            await sdk.do(sdk.admin.create_queue, name)
    topic = await sdk.topic("s")
    for name in ("a/b", "x" * 51):
        with pytest.raises(HttpResponseError):
            await sdk.do(sdk.admin.create_subscription, topic, name)
        with pytest.raises(HttpResponseError):
            await sdk.do(sdk.admin.create_rule, topic, "s", name)


async def test_what_an_entity_cannot_be_is_refused_when_it_is_created_and_when_it_is_changed(sdk: Sdk) -> None:
    queue = await sdk.queue()
    found = await sdk.do(sdk.admin.get_queue, queue)
    for options in (
        {"lock_duration": timedelta(minutes=6)},
        {"max_delivery_count": 0},
        {"auto_delete_on_idle": timedelta(minutes=4)},
        {"duplicate_detection_history_time_window": timedelta(seconds=19)},
        {"user_metadata": "x" * 1025},
        {"max_message_size_in_kilobytes": 1024},  # of the premium tier
        {"forward_to": "nowhere"},
        {"forward_dead_lettered_messages_to": "nowhere"},
    ):
        with pytest.raises(HttpResponseError):
            await sdk.do(sdk.admin.create_queue, f"{queue}-bad", **options)
        with pytest.raises(HttpResponseError):
            await sdk.do(sdk.admin.update_queue, found, **options)
    assert await sdk.do(sdk.admin.get_queue, queue) == found


async def test_a_name_that_is_missing_names_nothing(sdk: Sdk) -> None:
    topic = await sdk.topic("s")
    subscription = await sdk.do(sdk.admin.get_subscription, topic, "s")
    rule = await sdk.do(sdk.admin.get_rule, topic, "s", "$Default")
    subscription.name = rule.name = ""
    with pytest.raises(HttpResponseError):
        await sdk.do(sdk.admin.update_subscription, topic, subscription)
    with pytest.raises(HttpResponseError):
        await sdk.do(sdk.admin.update_rule, topic, "s", rule)


async def test_a_path_with_slashes_is_a_name(sdk: Sdk) -> None:
    name = f"txt/.-_{sdk.asynchronously}"
    await sdk.do(sdk.admin.create_queue, name)
    await sdk.send(name, "x")
    assert await sdk.active(name) == 1
    assert name in [queue.name for queue in await sdk.all(sdk.admin.list_queues())]
    await sdk.do(sdk.admin.delete_queue, name)


async def test_lists_come_in_pages(sdk: Sdk) -> None:
    topic = await sdk.topic(*[f"s{number:03}" for number in range(105)])
    names = [found.name for found in await sdk.all(sdk.admin.list_subscriptions(topic))]
    assert names == [f"s{number:03}" for number in range(105)]
    assert topic in [found.name for found in await sdk.all(sdk.admin.list_topics_runtime_properties())]
    counts = await sdk.do(sdk.admin.get_topic_runtime_properties, topic)
    assert counts.subscription_count == 105


async def test_counts_and_sizes_are_true(sdk: Sdk) -> None:
    queue = await sdk.queue()
    await sdk.send(queue, ServiceBusMessage(b"x" * 1000), ServiceBusMessage(b"y" * 1000))
    async with sdk.receiver(queue) as receiver:
        await sdk.do(receiver.dead_letter_message, (await sdk.receive(receiver))[0])
    found = await sdk.do(sdk.admin.get_queue_runtime_properties, queue)
    assert (found.total_message_count, found.active_message_count, found.dead_letter_message_count) == (2, 1, 1)
    assert 2000 < found.size_in_bytes < 2400
    assert found.created_at_utc <= found.updated_at_utc <= found.accessed_at_utc


async def test_rules_keep_the_types_of_their_values(sdk: Sdk) -> None:
    topic = await sdk.topic("s")
    values: dict[str, Any] = {
        "text": "x",
        "int": 2,
        "long": 2**31 + 3,
        "truth": False,
        "time": datetime(2020, 7, 5, 11, 12, 13),  # noqa: DTZ001 - the SDK reads and writes them so
        "duration": timedelta(days=1, hours=2, minutes=3),
    }
    correlation = CorrelationRuleFilter(correlation_id="c", properties=values)
    action = SqlRuleAction("SET Priority = @p", parameters={"@p": "low"})
    await sdk.do(sdk.admin.create_rule, topic, "s", "r1", filter=correlation, action=action)
    await sdk.do(sdk.admin.create_rule, topic, "s", "r2", filter=SqlRuleFilter("a = @a", parameters={"@a": 1}))
    found = await sdk.do(sdk.admin.get_rule, topic, "s", "r1")
    assert (dict(found.filter.properties), found.action.parameters) == (values, {"@p": "low"})
    await sdk.do(sdk.admin.update_rule, topic, "s", found, action=None)
    assert (await sdk.do(sdk.admin.get_rule, topic, "s", "r1")).action is None
    rules = await sdk.all(sdk.admin.list_rules(topic, "s"))
    assert [rule.name for rule in rules] == ["$Default", "r1", "r2"]
    assert type(rules[0].filter) is TrueRuleFilter
    with pytest.raises(ResourceExistsError):
        await sdk.do(sdk.admin.create_rule, topic, "s", "r1")
    with pytest.raises(HttpResponseError, match="syntax error"):
        await sdk.do(sdk.admin.create_rule, topic, "s", "bad", filter=SqlRuleFilter("a ="))
    await sdk.do(sdk.admin.delete_rule, topic, "s", "r1")
    with pytest.raises(ResourceNotFoundError):
        await sdk.do(sdk.admin.get_rule, topic, "s", "r1")


async def test_a_deleted_queue_takes_its_messages_along_and_sends_its_clients_away(sdk: Sdk) -> None:
    queue = await sdk.queue()
    async with sdk.opened(sdk.client.get_queue_sender(queue)) as sender:
        await sdk.do(sender.send_messages, ServiceBusMessage("x"))
        await sdk.do(sdk.admin.delete_queue, queue)
        with pytest.raises(ServiceBusError):  # the link was closed under it
            await sdk.do(sender.send_messages, ServiceBusMessage("y"))
        with pytest.raises(MessagingEntityNotFoundError):
            await sdk.do(sender.send_messages, ServiceBusMessage("y"))
    await sdk.do(sdk.admin.create_queue, queue)
    assert await sdk.active(queue) == 0


async def test_the_namespace_tells_its_name(sdk: Sdk) -> None:
    found = await sdk.do(sdk.admin.get_namespace_properties)
    assert (found.name, found.messaging_sku) == ("local", "Standard")


@pytest.mark.parametrize("size", [1, 1500, 6144, 81920])
async def test_the_size_of_an_entity_goes_in_steps(sdk: Sdk, size: int) -> None:
    queue, topic = await sdk.queue(max_size_in_megabytes=2048), await sdk.topic(max_size_in_megabytes=5120)
    for create in (sdk.admin.create_queue, sdk.admin.create_topic):
        with pytest.raises(HttpResponseError, match="MaxSizeInMegabytes"):
            await sdk.do(create, "no-such-step", max_size_in_megabytes=size)
    found = await sdk.do(sdk.admin.get_queue, queue), await sdk.do(sdk.admin.get_topic, topic)
    for properties, update in zip(found, (sdk.admin.update_queue, sdk.admin.update_topic), strict=True):
        with pytest.raises(HttpResponseError, match="MaxSizeInMegabytes"):
            await sdk.do(update, properties, max_size_in_megabytes=size)


async def test_a_size_that_no_client_could_set_stays_when_other_properties_change(sdk: Sdk) -> None:
    small = await sdk.do(sdk.admin.get_queue, f"small-{'aio' if sdk.asynchronously else 'sync'}")
    await sdk.do(sdk.admin.update_queue, small, user_metadata="still small")
    assert (await sdk.do(sdk.admin.get_queue, small.name)).max_size_in_megabytes == 1


async def test_the_administration_spells_names_as_the_service_does(sdk: Sdk) -> None:
    """Clients that read XML by its prefixes, as JavaScript's does, find what they look for."""
    topic = await sdk.topic("one")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{sdk.namespace.http_port}") as client:
        texts = [
            (await client.get(path, params={"api-version": "2021-05"})).text
            for path in (f"/{topic}", f"/{topic}/subscriptions", f"/{topic}/Subscriptions/one/rules", "/$namespaceinfo")
        ]
    origin = f"http://127.0.0.1:{sdk.namespace.http_port}/{topic}"
    assert not [text for text in texts if "ns0" in text or "ns1" in text]
    assert '<entry xmlns="http://www.w3.org/2005/Atom">' in texts[0]
    assert '<TopicDescription xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"' in texts[0]
    assert '<CountDetails xmlns:d2p1="http://schemas.microsoft.com/netservices/2011/06/servicebus">' in texts[0]
    assert "<d2p1:ActiveMessageCount>0<" in texts[0]
    assert f"<id>{origin}/Subscriptions/one</id>" in texts[1]
    assert f"<id>{origin}/Subscriptions/one/Rules/$Default</id>" in texts[2]
    assert 'i:type="TrueFilter"' in texts[2]
