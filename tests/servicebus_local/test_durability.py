"""What survives the end of the namespace, in order or not."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage, ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient

from servicebus_local import DataFolderBusy, ManualClock, Namespace, NamespaceConfig, NamespaceProcess
from servicebus_local.amqp import codec
from servicebus_local.clock import system_clock
from servicebus_local.wire import frames
from tests.conformance.peer import code, connected, described
from tests.servicebus_local.bus import WAIT, Bus, bodies, receive
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUEUES: dict[str, dict[str, Any]] = {
    "plain": {"RequiresDuplicateDetection": True},
    "sessions": {"RequiresSession": True},
}
DAY = 86_400_000


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "Config.json"
    queues = [{"Name": name, "Properties": properties} for name, properties in QUEUES.items()]
    path.write_text(json.dumps({"UserConfig": {"Namespaces": [{"Name": "local", "Queues": queues}]}}))
    return path


@asynccontextmanager
async def connect(namespace: Namespace | NamespaceProcess) -> AsyncIterator[Bus]:
    bus = Bus(namespace, ServiceBusClient.from_connection_string(namespace.connection_string, retry_total=0))
    try:
        yield bus
    finally:
        await bus.close()


async def test_what_a_client_changed_as_it_abandoned_survives_kill_9(config: Path, tmp_path: Path) -> None:
    changes = codec.encode_value({"note": "changed"})
    async with NamespaceProcess(config, tmp_path / "data") as namespace, connect(namespace) as bus:
        await (await bus.sender("plain")).send_messages(ServiceBusMessage("x", message_id="1"))
        async with connected(namespace.port) as peer:
            await peer.receive_from("plain")
            delivery = await peer.read(frames.TRANSFER)
            peer.settle(delivery.fields[1], described(code(0x27), None, None, changes))
            await peer.read(frames.TRANSFER)  # again, so the change is durable
            await namespace.kill()
    async with (
        NamespaceProcess(config, tmp_path / "data") as namespace,
        connect(namespace) as bus,
        bus.receiver("plain") as receiver,
    ):
        (message,) = await receive(receiver)
        assert message.application_properties == {b"note": b"changed"}


async def test_a_confirmed_send_survives_kill_9(config: Path, tmp_path: Path) -> None:
    confirmed: list[str] = []

    async def send_until_it_dies(bus: Bus) -> None:
        to = await bus.sender("plain")
        while True:
            text = str(len(confirmed))
            await to.send_messages(ServiceBusMessage(text, message_id=text))
            confirmed.append(text)

    async with NamespaceProcess(config, tmp_path / "data") as namespace, connect(namespace) as bus:
        sending = asyncio.create_task(send_until_it_dies(bus))
        await until(lambda: len(confirmed) >= 50)
        await namespace.kill()
        with pytest.raises(Exception, match=r"(?i)connect"):
            await sending
    async with NamespaceProcess(config, tmp_path / "data") as namespace, connect(namespace) as bus:
        mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
        async with bus.receiver("plain", receive_mode=mode) as receiver:
            found = bodies(await receive(receiver, len(confirmed)))
    assert found == confirmed


async def test_what_was_settled_stays_settled_and_what_was_locked_comes_back(config: Path, tmp_path: Path) -> None:
    async with NamespaceProcess(config, tmp_path / "data") as namespace, connect(namespace) as bus:
        to = await bus.sender("plain")
        await to.send_messages([ServiceBusMessage(text, message_id=text) for text in ("done", "dead", "locked")])
        async with bus.receiver("plain") as receiver:
            done, dead, _ = await receive(receiver, 3)
            await receiver.complete_message(done)
            await receiver.dead_letter_message(dead, reason="Why", error_description="because")
            await namespace.kill()
    async with NamespaceProcess(config, tmp_path / "data") as namespace, connect(namespace) as bus:
        async with bus.receiver("plain") as receiver:
            (again,) = await receive(receiver)
            assert (str(again), again.delivery_count) == ("locked", 0)
            assert (await bus.stats("plain"))["active"] == 0
        async with bus.receiver("plain", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
            (dead,) = await receive(receiver)
            assert (str(dead), dead.dead_letter_reason, dead.dead_letter_error_description) == (
                "dead",
                "Why",
                "because",
            )


async def test_an_orderly_stop_keeps_everything(tmp_path: Path) -> None:
    clock = ManualClock(system_clock())
    config = NamespaceConfig.build(QUEUES)

    def start() -> Namespace:
        return Namespace(config, tmp_path, clock=clock, idle_timeout=0xFFFFFFFF, link_idle_limit=0xFFFFFFFF)

    async with start() as namespace, connect(namespace) as bus:
        to = await bus.sender("plain")
        await to.send_messages(ServiceBusMessage("x", message_id="same"))
        to = await bus.sender("sessions")
        await to.send_messages(ServiceBusMessage("s", session_id="a"))
        await to.schedule_messages(ServiceBusMessage("later", session_id="a"), _at(clock.now + DAY))
        async with bus.receiver("sessions", session_id="a") as receiver:
            (message,) = await receive(receiver)
            await receiver.abandon_message(message)
            await receiver.session.set_state(b"state")
            number = message.sequence_number or 0
    async with start() as namespace, connect(namespace) as bus:
        to = await bus.sender("plain")
        await to.send_messages(ServiceBusMessage("x", message_id="same"))
        async with bus.receiver("plain") as receiver:
            assert len(await receiver.peek_messages(5)) == 1
        clock.advance(DAY)
        async with bus.receiver("sessions", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=WAIT) as receiver:
            assert await receiver.session.get_state() == b"state"
            again, later = await receive(receiver, 2)
            assert (str(again), again.delivery_count, again.sequence_number) == ("s", 1, number)
            assert str(later) == "later"
            assert (later.sequence_number or 0) > number


async def test_what_is_locked_at_an_orderly_stop_comes_back_uncounted(tmp_path: Path) -> None:
    config = NamespaceConfig.build({"q": {}})
    async with AsyncExitStack() as clients, Namespace(config, tmp_path) as namespace:
        bus = await clients.enter_async_context(connect(namespace))
        await bus.send("q", "x")
        assert len(await receive(bus.client.get_queue_receiver("q"))) == 1
    async with Namespace(config, tmp_path) as namespace, connect(namespace) as bus, bus.receiver("q") as receiver:
        (again,) = await receive(receiver)
        assert (str(again), again.delivery_count) == ("x", 0)


async def test_the_process_ends_in_order_when_it_is_told_to(config: Path, tmp_path: Path) -> None:
    async with NamespaceProcess(config, tmp_path / "data") as namespace:
        assert namespace.exit_status is None
    assert namespace.exit_status == 0


async def test_a_second_namespace_on_the_same_folder_fails(tmp_path: Path) -> None:
    config = NamespaceConfig.build(QUEUES)
    async with Namespace(config, tmp_path):
        with pytest.raises(DataFolderBusy, match="in use by another local namespace"):
            async with Namespace(config, tmp_path, patience=0.3):
                pass


async def test_a_second_namespace_waits_for_the_first_to_end(tmp_path: Path) -> None:
    config = NamespaceConfig.build(QUEUES)
    first = Namespace(config, tmp_path)
    await first.__aenter__()
    second = asyncio.create_task(Namespace(config, tmp_path).__aenter__())
    await asyncio.sleep(0.3)
    assert not second.done()
    await first.__aexit__(None, None, None)
    async with asyncio.timeout(WAIT):
        await (await second).__aexit__(None, None, None)


async def test_settled_messages_give_their_disk_space_back(tmp_path: Path) -> None:
    config = NamespaceConfig.build({"q": {}})
    async with Namespace(config, tmp_path) as namespace, connect(namespace) as bus:
        to = await bus.sender("q")
        for _ in range(90):
            await to.send_messages(ServiceBusMessage(b"x" * 250_000))
        mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
        async with bus.receiver("q", receive_mode=mode, prefetch_count=90) as receiver:
            assert len(await receive(receiver, 90)) == 90
        assert _size(tmp_path) > 5_000_000
        await until(lambda: _size(tmp_path) <= 2_000_000)


async def test_the_process_tells_what_is_wrong_with_its_configuration(tmp_path: Path) -> None:
    path = tmp_path / "Config.json"
    path.write_text('{"UserConfig": {"Namespaces": [{"Name": "n", "Queus": []}]}}')
    with pytest.raises(ChildProcessError, match="status 2"):
        async with NamespaceProcess(path, tmp_path / "data"):
            pass


def _at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _size(folder: Path) -> int:
    return (folder / "namespace.sqlite3").stat().st_size
