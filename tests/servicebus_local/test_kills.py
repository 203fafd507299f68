"""The namespace is killed at random instants, and started again on the same folder, while clients are at work."""

import asyncio
import json
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import ServiceBusError

from servicebus_local import NamespaceProcess
from tests.servicebus_local.bus import WAIT, bodies, receive

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(3600),
    pytest.mark.asyncio(loop_scope="module"),
]

AT_ONCE = 20


@dataclass
class Truth:
    """What the clients were told."""

    number: int = 0
    sent: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)
    """Of these a confirmation may have been lost."""
    completed: set[str] = field(default_factory=set)
    settling: set[str] = field(default_factory=set)
    """Of these too."""


@pytest.mark.parametrize("kills", [40])
async def test_what_was_confirmed_holds_however_often_it_is_killed(tmp_path: Path, kills: int) -> None:
    rng, truth = random.Random(kills), Truth()
    config, data = tmp_path / "Config.json", tmp_path / "data"
    config.write_text(json.dumps({"UserConfig": {"Namespaces": [{"Name": "n", "Queues": [{"Name": "q"}]}]}}))
    for _ in range(kills):
        await work_until_killed(config, data, rng.uniform(0.3, 1.2), truth)
    async with NamespaceProcess(config, data) as namespace, AsyncExitStack() as stack:
        client = await opened(stack, namespace)
        mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
        async with client.get_queue_receiver("q", receive_mode=mode, prefetch_count=1000) as receiver:
            left = bodies(await receive(receiver, len(truth.tried), wait=10))
    assert len(truth.completed) > AT_ONCE
    assert len(left) == len(set(left))
    assert not truth.completed & set(left)
    assert truth.sent <= truth.completed | truth.settling | set(left)
    assert set(left) <= truth.tried


async def work_until_killed(config: Path, data: Path, seconds: float, truth: Truth) -> None:
    async with NamespaceProcess(config, data) as namespace, AsyncExitStack() as stack:
        sending, receiving = await asyncio.gather(*(opened(stack, namespace) for _ in range(2)))
        work = [asyncio.create_task(send(sending, truth)), asyncio.create_task(complete(receiving, truth))]
        await asyncio.sleep(seconds)
        await namespace.kill()
        async with asyncio.timeout(WAIT):
            ended = await asyncio.gather(*work, return_exceptions=True)
        assert all(isinstance(each, ServiceBusError) for each in ended), ended


async def opened(stack: AsyncExitStack, namespace: NamespaceProcess) -> ServiceBusClient:
    client = ServiceBusClient.from_connection_string(namespace.connection_string, retry_total=0)
    return await stack.enter_async_context(client)


async def send(client: ServiceBusClient, truth: Truth) -> None:
    """One message at a time, and a batch now and then."""
    async with client.get_queue_sender("q") as sender:
        while True:
            texts = [str(truth.number + each) for each in range(1 if truth.number % 7 else AT_ONCE)]
            truth.number += len(texts)
            truth.tried.update(texts)
            await sender.send_messages([ServiceBusMessage(text) for text in texts])
            truth.sent.update(texts)


async def complete(client: ServiceBusClient, truth: Truth) -> None:
    """What comes is completed, but for a part that is left locked."""
    async with client.get_queue_receiver("q") as receiver:
        while True:
            for message in await receiver.receive_messages(AT_ONCE, max_wait_time=5):
                text = str(message)
                assert text not in truth.completed
                if int(text) % 5:
                    truth.settling.add(text)
                    await receiver.complete_message(message)
                    truth.completed.add(text)
