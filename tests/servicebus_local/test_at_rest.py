"""A namespace that nobody serves says of itself what it would say if it were served."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from servicebus_local import DataFolderBusy, ManualClock, Namespace, NamespaceAtRest, NamespaceConfig
from servicebus_local.clock import system_clock
from servicebus_local.errors import EntityNotFound

CONFIG = NamespaceConfig.build(
    {
        "q": {"RequiresSession": False, "DeadLetteringOnMessageExpiration": True},
        "s": {"RequiresSession": True},
        "empty": {},
    },
    {"t": {"Subscriptions": [{"Name": "one"}]}},
)
ENTITIES = ("q", "q/$deadletterqueue", "s", "empty", "t", "t/subscriptions/one")


@asynccontextmanager
async def served(data: Path, clock: ManualClock) -> AsyncIterator[Namespace]:
    async with Namespace(CONFIG, data, clock=clock) as namespace:
        yield namespace


async def said(namespace: Namespace, path: str) -> Any:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{namespace.http_port}{path}") as answer,
    ):
        return await answer.json()


async def fill(namespace: Namespace) -> None:
    """Leave something in every state."""
    soon = datetime.now(UTC) + timedelta(minutes=5)
    async with ServiceBusClient.from_connection_string(namespace.connection_string) as client:
        async with client.get_queue_sender("q") as sender:
            await sender.send_messages([ServiceBusMessage(f"m{n}", application_properties={"n": n}) for n in range(5)])
            await sender.send_messages(ServiceBusMessage("expires", time_to_live=timedelta(minutes=1)))
            await sender.schedule_messages(ServiceBusMessage("due"), soon)
            await sender.schedule_messages(ServiceBusMessage("later"), soon + timedelta(days=1))
        async with client.get_topic_sender("t") as sender:
            await sender.send_messages(ServiceBusMessage("topical", subject="x", to="somebody"))
            await sender.schedule_messages(ServiceBusMessage("due there"), soon)
        async with client.get_queue_sender("s") as sender:
            await sender.send_messages([ServiceBusMessage(f"s{n}", session_id=f"session {n % 2}") for n in range(3)])
        async with client.get_queue_receiver("q") as receiver:
            dead, deferred, _locked = await receiver.receive_messages(max_message_count=3, max_wait_time=10)
            await receiver.dead_letter_message(dead, reason="Why", error_description="said at length")
            await receiver.defer_message(deferred)


@pytest.mark.parametrize("later", [timedelta(), timedelta(hours=1)], ids=["at once", "after an hour"])
async def test_it_says_what_it_says_when_it_is_served(tmp_path: Path, later: timedelta) -> None:
    clock = ManualClock(system_clock())
    async with served(tmp_path, clock) as namespace:
        await fill(namespace)
    clock.advance(later // timedelta(milliseconds=1))
    async with NamespaceAtRest(CONFIG, tmp_path, clock=clock) as resting:
        counts = resting.statistics()
        messages = {entity: resting.messages(entity, 0, 100) for entity in ENTITIES}
        part = resting.messages("q", messages["q"][0]["sequence_number"], 2)
    async with served(tmp_path, clock) as namespace:
        assert counts == await said(namespace, "/stats")
        for entity in ENTITIES:
            assert messages[entity] == await said(namespace, f"/messages?entity={entity}&limit=100"), entity
    assert part == messages["q"][1:3]
    assert counts["q"]["deferred"] == 1
    assert counts["q"]["scheduled"] == (1 if later else 2)
    assert counts["q"]["dead_letter"] == (2 if later else 1)
    assert counts["t/subscriptions/one"]["active"] == (2 if later else 1)
    assert set(counts["s"]["sessions"]) == {"session 0", "session 1"}


async def test_what_happens_while_it_rests_is_seen_by_the_next_look(tmp_path: Path) -> None:
    clock = ManualClock(system_clock())
    async with served(tmp_path, clock) as namespace:
        await fill(namespace)
    async with NamespaceAtRest(CONFIG, tmp_path, clock=clock) as resting:
        before = resting.statistics()
        clock.advance(3_600_000)
        after = resting.statistics()
    assert (before["q"]["scheduled"], after["q"]["scheduled"]) == (2, 1)
    assert (before["q"]["dead_letter"], after["q"]["dead_letter"]) == (1, 2)


async def test_nobody_else_has_the_folder_meanwhile(tmp_path: Path) -> None:
    async with NamespaceAtRest(CONFIG, tmp_path):
        with pytest.raises(DataFolderBusy):
            async with NamespaceAtRest(CONFIG, tmp_path, patience=0.1):
                pass
    async with served(tmp_path, ManualClock()):
        with pytest.raises(DataFolderBusy):
            async with NamespaceAtRest(CONFIG, tmp_path, patience=0.1):
                pass


async def test_an_entity_that_is_not_there_is_named(tmp_path: Path) -> None:
    async with NamespaceAtRest(CONFIG, tmp_path) as resting:
        assert resting.messages("empty", 0, 10) == []
        with pytest.raises(EntityNotFound, match="nowhere"):
            resting.messages("nowhere", 0, 10)
