"""The local namespace, durable, against a server that does nothing: what remains of the SDK's own speed.

1 KB bodies over loopback, client and server each in a process of its own.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus.aio import ServiceBusClient

from servicebus_local import NamespaceProcess
from tests.bench.results import quick
from tests.bench.timing import line

BODY = b"x" * 1024
BATCHES, PER_BATCH = 10, 200
SINGLES = 600
RECEIVED = 3000
ROUNDS = 4
AT_ONCE = 200
SECRET = "SharedAccessKeyName=k;SharedAccessKey=k;UseDevelopmentEmulator=true"

Measure = Callable[[ServiceBusClient, str], Awaitable[float]]


async def main() -> None:
    """Measure each way of working several times, in turn, and keep the better figure of each side."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "Config.json"
        queues = [{"Name": name, "Properties": {"MaxSizeInMegabytes": 4096}} for name in ("q", "r")]
        config.write_text(json.dumps({"UserConfig": {"Namespaces": [{"Name": "bench", "Queues": queues}]}}))
        async with NamespaceProcess(config, Path(folder) / "data") as namespace, sink() as port:
            for name, measure in MEASURES.items():
                ceiling = ours = 0.0
                for _ in range(1 if quick() else ROUNDS):
                    ceiling = max(ceiling, await measured(measure, port, filled=False))
                    ours = max(ours, await measured(measure, namespace.port, filled="receive" in name))
                line(f"{name}: server that does nothing", ceiling, "messages/s")
                line(f"{name}: namespace", ours, "messages/s", ceiling)


async def measured(measure: Measure, port: int, *, filled: bool) -> float:
    async with ServiceBusClient.from_connection_string(f"Endpoint=sb://127.0.0.1:{port};{SECRET}") as client:
        if filled:
            await fill(client)
        return await measure(client, "r" if filled else "q")


async def fill(client: ServiceBusClient) -> None:
    async with client.get_queue_sender("r") as sender:
        for _ in range((RECEIVED + AT_ONCE) // PER_BATCH + 1):
            await sender.send_messages([ServiceBusMessage(BODY) for _ in range(PER_BATCH)])


async def batched_send(client: ServiceBusClient, queue: str) -> float:
    async with client.get_queue_sender(queue) as sender:

        async def send() -> None:
            await sender.send_messages([ServiceBusMessage(BODY) for _ in range(PER_BATCH)])

        return await rate(send, BATCHES, PER_BATCH)


async def single_send(client: ServiceBusClient, queue: str) -> float:
    async with client.get_queue_sender(queue) as sender:
        message = ServiceBusMessage(BODY)
        return await rate(lambda: sender.send_messages(message), SINGLES, 1)


async def receive_and_delete(client: ServiceBusClient, queue: str) -> float:
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    async with client.get_queue_receiver(queue, receive_mode=mode, prefetch_count=AT_ONCE) as receiver:
        began, count = time.perf_counter(), 0
        while count < RECEIVED:
            count += len(await receiver.receive_messages(AT_ONCE, max_wait_time=5))
        return count / (time.perf_counter() - began)


async def peek_lock_complete(client: ServiceBusClient, queue: str) -> float:
    async with client.get_queue_receiver(queue) as receiver:
        began, count = time.perf_counter(), 0
        while count < RECEIVED // 2:
            messages = await receiver.receive_messages(AT_ONCE, max_wait_time=5)
            await asyncio.gather(*(receiver.complete_message(message) for message in messages))
            count += len(messages)
        return count / (time.perf_counter() - began)


async def rate(work: Callable[[], Awaitable[object]], times: int, units: int) -> float:
    await work()
    began = time.perf_counter()
    for _ in range(times):
        await work()
    return times * units / (time.perf_counter() - began)


@asynccontextmanager
async def sink() -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.sink", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.stdin.close()
        await process.wait()


MEASURES: dict[str, Measure] = {
    "batched send": batched_send,
    "single send": single_send,
    "receive and delete": receive_and_delete,
    "receive, lock and complete": peek_lock_complete,
}
