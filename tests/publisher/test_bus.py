"""The publisher on a real bus: sessions, parked copies, refused parts and their way into the dead-letter queue."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from azure.servicebus import ServiceBusReceivedMessage, ServiceBusSubQueue

from mti.common.adapters.secrets import ReferenceResolver
from mti.common.adapters.servicebus import ServiceBus
from mti.common.contracts import IndicatorBatch, indicators_message
from mti.common.hosting import SessionConsumer, Settler
from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.clock import SystemClock
from mti.common.ports.settlement import Outcome
from mti.publisher.composition import Destinations, publish_handler
from mti.publisher.records import PublishedVersions, destination_checkpoints
from mti.simulators.sentinel import SentinelFault, SentinelFaultKind
from servicebus_local import Namespace
from tests.publisher.world import (
    APP_ID,
    CONTOSO,
    DIRECTORY,
    FABRIKAM,
    GRID,
    OTHER_CUSTOMER,
    SECRET,
    World,
    hash_of,
    indicator,
    registry,
    world,
)
from tests.support.bus import INDICATORS, connected, counts, running_namespace
from tests.support.processes import start_python
from tests.support.waiting import PATIENCE, in_time, until

ENTITY = str(INDICATORS)
ROUND = 30


def outgoing(names: list[str], size: int, to: str = CONTOSO, source: str = GRID) -> list[Outgoing]:
    objects = [indicator(name) for name in names]
    return [
        indicators_message(to, IndicatorBatch(source=source, objects=objects[start : start + size]))
        for start in range(0, len(objects), size)
    ]


@dataclass
class Bench:
    """A world, a namespace, and the publisher between them on the machine's own clock."""

    world: World
    namespace: Namespace
    bus: ServiceBus

    async def send(self, messages: list[Outgoing]) -> None:
        await self.bus.sender(INDICATORS).send(messages)

    async def count(self, what: str) -> int:
        return int((await counts(self.namespace, ENTITY))[what])

    @asynccontextmanager
    async def publisher(self, *, slots: int = 4, idle: float = 0.1) -> AsyncIterator[list[int]]:
        """Run it; hand out how many messages each call of its handler was given."""
        calls: list[int] = []
        clock, rng, stop = SystemClock(), random.Random(1), asyncio.Event()
        resolver = ReferenceResolver(environ=self.world.environ)
        async with Destinations(resolver, clock, rng) as destinations:
            sender = self.bus.sender(INDICATORS)
            handler = publish_handler(
                self.world.registry,
                PublishedVersions(self.world.store.container("published"), clock),
                destination_checkpoints(self.world.store.container("checkpoints")),
                destinations.connect,
                sender,
                INDICATORS.to,
                clock,
                rng,
            )

            async def counted(messages: Sequence[Received]) -> Sequence[Outcome]:
                calls.append(len(messages))
                return await handler(messages)

            settler = Settler(sender, INDICATORS.to, clock, rng)
            consumer = SessionConsumer(
                self.bus,
                INDICATORS,
                counted,
                settler,
                clock,
                slots=slots,
                batch_size=ROUND,
                gather=256 * 1024,
                session_wait=1,
                idle=idle,
            )
            running = asyncio.create_task(consumer.run(stop))
            try:
                yield calls
            finally:
                stop.set()
                await running

    async def settled(self) -> bool:
        """Say whether nothing is left to handle now; what is scheduled for later may be."""
        found = await counts(self.namespace, ENTITY)
        return not (found["active"] or found["locked"])

    async def scheduled(self) -> int:
        return int((await counts(self.namespace, INDICATORS.name))["scheduled"])

    async def dead_letters(self) -> list[str]:
        receiver = self.bus._client.get_subscription_receiver(
            INDICATORS.name, "publisher", sub_queue=ServiceBusSubQueue.DEAD_LETTER
        )
        async with receiver:
            return [str(one.dead_letter_reason) for one in await receiver.peek_messages(max_message_count=100)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with (
        world(tmp_path) as there,
        running_namespace(tmp_path / "bus") as namespace,
        connected(namespace) as bus,
    ):
        yield Bench(there, namespace, bus)


async def test_a_backlog_of_small_messages_becomes_full_requests(bench: Bench) -> None:
    names = [f"file-{number}" for number in range(1000)]
    await bench.send(outgoing(names, 7))

    # All of it is on the bus: what is waited for here is a machine that is busy with something else.
    async with bench.publisher(idle=5) as calls:
        await until(bench.settled)
    assert bench.world.holds() == {hash_of(name) for name in names}
    # What the bus hands over at once is filled up to full requests, across many rounds of receiving; each time that it
    # falters, one request may be smaller.
    assert max(calls) > ROUND
    assert bench.world.count("requests") <= 10 + len(calls)


async def test_a_refused_part_ends_in_the_dead_letter_queue_and_the_rest_arrives(bench: Bench) -> None:
    bench.world.faults(SentinelFault(kind=SentinelFaultKind.REFUSE_RECORD, holds=indicator("file-3").id, times=None))
    await bench.send(outgoing([f"file-{number}" for number in range(10)], 10))

    async def done() -> bool:
        return await bench.count("dead_letter") == 1 and await bench.settled()

    async with bench.publisher():
        await until(done)
    assert len(bench.world.holds()) == 9
    assert await bench.dead_letters() == ["ObjectRefused"]


async def test_a_paused_destination_neither_spins_nor_holds_the_slots_nor_counts_deliveries(bench: Bench) -> None:
    bench.world.faults(
        SentinelFault(name="gone", kind=SentinelFaultKind.STATUS, status=404, workspace=CONTOSO, times=None)
    )
    await bench.send(outgoing([f"file-{number}" for number in range(60)], 2))

    async def parked() -> bool:
        return await bench.scheduled() == 30 and await bench.settled()

    async with bench.publisher(slots=1):
        await until(parked)
        await bench.send(outgoing(["other"], 1, to=FABRIKAM, source=OTHER_CUSTOMER))

        async def served() -> bool:
            return bench.world.holds(FABRIKAM) == {hash_of("other")}

        await until(served)
        asked = bench.world.sentinel.statuses["upload 404"]
        assert asked == 1
    # All come back to the bus with nothing held against them, for the next probe.
    assert await bench.dead_letters() == []
    async with httpx.AsyncClient() as client:
        await client.post(f"http://127.0.0.1:{bench.namespace.http_port}/scheduled/release")
    receiver = bench.bus._client.get_subscription_receiver(INDICATORS.name, "publisher", session_id=CONTOSO)
    async with receiver:
        returned: list[ServiceBusReceivedMessage] = []
        while len(returned) < 30:
            returned += await receiver.receive_messages(max_message_count=100, max_wait_time=PATIENCE)
    assert len(returned) == 30
    assert {one.delivery_count or 0 for one in returned} == {0}


async def test_the_process_publishes_and_ends_cleanly_when_told(bench: Bench, tmp_path: Path) -> None:
    tenants = {
        "tenants": [
            {
                "id": "contoso",
                "mimecast": {"api": "2.0", "region": "eu", "client_id": "env:ID", "client_secret": "env:SECRET"},
                "feeds": ["malware_customer"],
                "destinations": [
                    {
                        "workspace_id": CONTOSO,
                        "endpoint": bench.world.sentinel.base_url,
                        "authority": bench.world.sentinel.base_url,
                        "azure_tenant_id": DIRECTORY,
                        "auth": "client_secret",
                        "client_id": APP_ID,
                        "client_secret": "env:APP_SECRET",
                    }
                ],
            }
        ]
    }
    file = tmp_path / "tenants.yaml"
    file.write_text(yaml.safe_dump(tenants))
    environment = {
        **os.environ,
        "MTI_SERVICEBUS_CONNECTION_STRING": bench.namespace.connection_string,
        "MTI_STORE": f"sqlite:{tmp_path / 'process.db'}",
        "MTI_TENANTS_FILE": str(file),
        "MTI_ALLOW_LOOPBACK": "true",
        "APP_SECRET": SECRET,
    }
    await bench.send(outgoing(["a"], 1, source="contoso/malware_customer"))
    process = await start_python("-m", "mti.publisher", env=environment, stderr=asyncio.subprocess.PIPE)

    try:
        await until(bench.settled)
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = await in_time(process.communicate())
    assert bench.world.holds() == {hash_of("a")}
    assert process.returncode == 0, said.decode()
    assert SECRET not in said.decode()
    assert "the publisher ends" in said.decode()


async def test_a_process_that_is_told_too_little_says_what_is_missing(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MTI_")}
    process = await start_python("-m", "mti.publisher", env=environment, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 2
    assert "MTI_TENANTS_FILE" in said.decode()


def test_the_registry_of_these_tests_has_no_way_between_the_customers() -> None:
    found = registry("http://127.0.0.1:1")
    assert found.route(OTHER_CUSTOMER, CONTOSO) is None
