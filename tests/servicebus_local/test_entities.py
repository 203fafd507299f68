"""Entities that change while the namespace runs, and what of it survives a restart."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.aio.management import ServiceBusAdministrationClient
from azure.servicebus.exceptions import ServiceBusError
from azure.servicebus.management import SqlRuleFilter

from servicebus_local import ManualClock, Namespace, NamespaceConfig
from servicebus_local.broker.broker import Broker
from servicebus_local.clock import system_clock
from servicebus_local.entities import QueueConfig, SubscriptionConfig, TopicConfig
from servicebus_local.messages.incoming import IncomingMessage
from servicebus_local.record import Body
from servicebus_local.storage import schema
from servicebus_local.transports import AsyncPlainTransport
from tests.servicebus_local.bus import WAIT, Serve, receive

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONFIG = NamespaceConfig.build(
    queues={"kept": {}, "changed": {}, "deleted": {}},
    topics={
        "t": {"Subscriptions": [{"Name": "kept"}, {"Name": "deleted"}]},
        "gone": {"Subscriptions": [{"Name": "s"}]},
    },
)


def administration(namespace: Namespace, **options: Any) -> ServiceBusAdministrationClient:
    options.setdefault("transport", AsyncPlainTransport())
    return ServiceBusAdministrationClient.from_connection_string(namespace.connection_string, **options)


async def test_what_clients_changed_survives_a_restart_and_goes_before_the_file(tmp_path: Path) -> None:
    async with Namespace(CONFIG, tmp_path) as namespace, administration(namespace) as admin:
        await admin.create_queue("created", max_delivery_count=3, user_metadata="mine")
        changed = await admin.get_queue("changed")
        await admin.update_queue(changed, lock_duration="PT30S")
        await admin.delete_queue("deleted")
        await admin.delete_topic("gone")
        await admin.delete_subscription("t", "deleted")
        await admin.create_subscription("t", "created")
        await admin.create_rule("t", "created", "rule", filter=SqlRuleFilter("a = 1"))
        await admin.delete_rule("t", "created", "$Default")
        await admin.delete_rule("t", "kept", "$Default")
        before = await admin.get_queue_runtime_properties("created")
    async with Namespace(CONFIG, tmp_path) as namespace, administration(namespace) as admin:
        assert [queue.name async for queue in admin.list_queues()] == ["changed", "created", "kept"]
        assert [topic.name async for topic in admin.list_topics()] == ["t"]
        assert [each.name async for each in admin.list_subscriptions("t")] == ["created", "kept"]
        assert [rule.name async for rule in admin.list_rules("t", "created")] == ["rule"]
        assert [rule.name async for rule in admin.list_rules("t", "kept")] == []
        created, changed = await admin.get_queue("created"), await admin.get_queue("changed")
        assert (created.max_delivery_count, created.user_metadata) == (3, "mine")
        assert getattr(changed.lock_duration, "seconds", 0) == 30
        after = await admin.get_queue_runtime_properties("created")
        assert after.created_at_utc == before.created_at_utc


async def test_the_administration_speaks_tls_on_the_port_of_the_messages(tmp_path: Path) -> None:
    async with Namespace(CONFIG, tmp_path) as namespace:
        options = {"transport": None, "connection_verify": str(namespace.certificate)}
        async with administration(namespace, **options) as admin:
            assert (await admin.get_queue("kept")).name == "kept"
            with pytest.raises(ResourceNotFoundError):
                await admin.get_queue("nowhere")


async def test_a_queue_that_is_disabled_sends_its_receivers_away(tmp_path: Path) -> None:
    async with (
        Namespace(CONFIG, tmp_path) as namespace,
        administration(namespace) as admin,
        ServiceBusClient.from_connection_string(namespace.connection_string, retry_total=0) as client,
    ):
        async with client.get_queue_receiver("kept") as receiver:
            await admin.update_queue(await admin.get_queue("kept"), status="ReceiveDisabled")
            with pytest.raises(ServiceBusError):
                await receiver.receive_messages(max_wait_time=WAIT)
        async with client.get_queue_sender("kept") as sender:
            await sender.send_messages(ServiceBusMessage("x"))
        await admin.update_queue(await admin.get_queue("kept"), status="Active")
        async with client.get_queue_receiver("kept") as receiver:
            assert len(await receive(receiver)) == 1


async def test_what_waits_is_forwarded_once_the_queue_says_so(tmp_path: Path) -> None:
    async with (
        Namespace(CONFIG, tmp_path) as namespace,
        administration(namespace) as admin,
        ServiceBusClient.from_connection_string(namespace.connection_string) as client,
    ):
        async with client.get_queue_sender("kept") as sender:
            await sender.send_messages(ServiceBusMessage("x"))
        await admin.update_queue(await admin.get_queue("kept"), forward_to="changed")
        async with client.get_queue_receiver("changed") as receiver:
            assert len(await receive(receiver)) == 1


async def test_an_idle_link_is_closed_and_the_client_opens_it_again(serve: Serve, clock: ManualClock) -> None:
    bus = await serve(queues={"q": {}}, clock=clock, link_idle_limit=600_000)
    sender = await bus.sender("q")
    await sender.send_messages(ServiceBusMessage("x"))
    clock.advance(601_000)
    async with asyncio.timeout(WAIT):
        while True:
            try:
                await sender.send_messages(ServiceBusMessage("y"))
            except ServiceBusError:
                break
            clock.advance(601_000)
            await asyncio.sleep(1.1)
    await sender.send_messages(ServiceBusMessage("z"))


def broker_on(folder: Path, clock: Callable[[], int]) -> Broker:
    return Broker(NamespaceConfig.build(), folder, clock, lambda _: None)


async def test_an_entity_that_nobody_uses_deletes_itself_when_it_is_told_to(tmp_path: Path) -> None:
    clock = ManualClock(system_clock())
    broker = broker_on(tmp_path, clock)
    idle = {"AutoDeleteOnIdle": "PT5M"}
    for name, properties in (
        ("for-ever", {}),
        ("idle", idle),
        ("waiting", idle),
        ("forwards", {**idle, "ForwardTo": "for-ever"}),
    ):
        broker.changes.create_queue(QueueConfig.model_validate({"Name": name, "Properties": properties}))
    broker.changes.create_topic(TopicConfig.model_validate({"Name": "topic", "Properties": idle}))
    broker.changes.create_subscription("topic", SubscriptionConfig.model_validate({"Name": "s"}))
    later = IncomingMessage(Body(b"", b"\x00\x53\x75\xa0\x01x"), [], None, clock() + 86_400_000)
    broker.catalogue.queue("waiting").destination.publish([later], lambda _: None)
    broker.store.commit()
    clock.advance(299_000)
    broker.delete_idle()
    assert len(broker.catalogue.nodes()) == 6
    broker.catalogue.subscription("topic", "s").queue.accessed_at = clock()
    clock.advance(2_000)
    broker.delete_idle()
    assert sorted(node.path for node in broker.catalogue.nodes()) == [
        "for-ever",
        "forwards",
        "topic",
        "topic/subscriptions/s",
        "waiting",
    ]
    clock.advance(301_000)
    broker.delete_idle()
    assert sorted(broker.catalogue.queues) == ["for-ever", "forwards", "waiting"]
    assert not broker.catalogue.topics
    broker.close()


async def test_a_database_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "namespace.sqlite3"
    first = schema.open_database(path)
    first.executescript(
        "DROP TABLE journal; DROP TABLE entities; ALTER TABLE messages DROP COLUMN size;"
        "ALTER TABLE session_states DROP COLUMN updated_at;"
        "INSERT INTO queues VALUES(1, 'q', 5);"
        "INSERT INTO messages(id, body, state, delivery_count, enqueued_at)"
        f" VALUES({schema.message_key(1, 4)}, 9, 0, 0, 1);"
        "INSERT INTO bodies VALUES(9, x'', x'005375a00178'); PRAGMA user_version=1;"
    )
    first.close()
    broker = Broker(NamespaceConfig.build({"q": {}}), tmp_path, system_clock, lambda _: None)
    node = broker.catalogue.queue("q")
    assert (node.counts["active"], node.size) == (1, 6)
    broker.close()
