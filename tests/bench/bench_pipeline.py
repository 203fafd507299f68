"""The whole pipeline as a user runs it, against what the bare SDK takes to move the same messages.

One tenant's feed of STIX bundles, a workspace without a limit, no fault. Processor time, so that nothing else on the
machine decides: of `mti up` and all its processes on one side, of a client and its namespace on the other. What the
simulated vendors take is in neither.
"""

import asyncio
import json
import os
import resource
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import MessageSizeExceededError

from mti.common.adapters.packed import packed
from mti.common.adapters.servicebus.sender import to_sdk
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import job_message
from mti.common.ports.bus import Outgoing, Received
from mti.common.topology import STANDARD, Entity
from mti.normalizer.emitting import Emitter
from mti.normalizer.handler import NormalizeHandler
from mti.normalizer.records import KnownIndicators, Ledger, Offsets
from mti.simulators import FeedSpec, Simulators, generate
from mti.simulators.feed.stix import bundle
from mti.simulators.scenario import Scenario
from mti.simulators.sentinel import SentinelSettings
from servicebus_local import NamespaceProcess
from tests.bench.bench_fanout import to_each
from tests.bench.bench_fetcher import messages
from tests.bench.floor import WHEN
from tests.bench.results import quick, report
from tests.normalizer.world import DEFAULT, StandingClock
from tests.support.cli import MTI, up
from tests.support.worlds import two_tenants

PAGE = 5_000
AT_ONCE = 20
RUNS = 3


async def main() -> None:
    """Run a feed through the embedded stack and its messages over the bare SDK, by turns."""
    detections, runs = (20_000, 1) if quick() else (100_000, RUNS)
    moved = await same_messages(detections)
    found, rates = [], []
    shares: dict[str, float] = {}
    for _ in range(runs):
        whole, said = await pipeline(detections)
        bare = await bare_bus(moved)
        found.append(bare / whole)
        rates.append((detections / whole, detections / bare, detections / said["seconds"]))
        shares = {
            each["name"].rpartition("-")[0] or each["name"]: each["processor_seconds"] for each in said["processes"]
        }
    whole_rate, bare_rate, wall_rate = (sorted(each)[len(each) // 2] for each in zip(*rates, strict=True))
    report(
        "pipeline_vs_bare_bus",
        found,
        detections_per_processor_second=whole_rate,
        bare_detections_per_processor_second=bare_rate,
        detections_per_second_of_the_run=wall_rate,
        messages=sum(len(each) for _, each in moved),
        **{f"processor_seconds_of_{name}": seconds for name, seconds in shares.items()},
    )


def world(detections: int) -> Scenario:
    """Return contoso with its own feed alone."""
    both = two_tenants(detections=detections, page_size=PAGE, sentinel=SentinelSettings(limit=None))
    contoso = both.tenants[0].model_copy(update={"feeds": ("malware_customer",)})
    return both.model_copy(update={"tenants": (contoso,)})


async def pipeline(detections: int) -> tuple[float, dict[str, Any]]:
    """Return the processor time of a run until idle, all its processes in it, and what it said."""
    with tempfile.TemporaryDirectory() as folder:
        tenants, data = Path(folder) / "tenants.yaml", Path(folder) / "data"
        async with Simulators(world(detections)) as simulators:
            env = simulators.write_tenants(tenants)
            before = children()
            # As a person starts it: the command itself has what it starts forked from it.
            command = await asyncio.create_subprocess_exec(
                MTI, *map(str, up(tenants, data)), env={**os.environ, **env}, stdout=PIPE, stderr=PIPE
            )
            out, err = await command.communicate()
            used = children() - before
        said: dict[str, Any] = json.loads(out or b"{}")
        if command.returncode != 0 or said["totals"]["detections"] < detections:
            raise SystemExit(f"the run ended with {command.returncode}: {err.decode()[-2000:]}")
        return used, said


def children() -> float:
    """Return processor seconds of all processes that this one started and that ended, and of those they started."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


class Topic:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.messages: list[Outgoing] = []

    async def send(self, messages: Sequence[Outgoing]) -> None:
        self.messages += messages


Sent = Sequence[tuple[Entity, Sequence[Outgoing]]]
"""Messages and the entity that they go to."""


async def same_messages(detections: int) -> Sent:
    """Return the jobs, chunks and indicator messages of such a feed, made by the services' own code."""
    feed = list(generate(FeedSpec(seed=1, detections=detections), WHEN))
    pages = [bundle(feed[start : start + PAGE], "ab" * 16) for start in range(0, len(feed), PAGE)]
    chunks = [message for page in pages for message in messages(page)]
    jobs = [job_message("grid:eu", number) for number in range(len(pages) + 1)]
    topic = Topic()
    with tempfile.TemporaryDirectory() as folder:
        store = packed(SqliteStore(Path(folder) / "store.db"))
        handler = NormalizeHandler(
            to_each([DEFAULT]),
            Emitter(KnownIndicators(store.container("known"), StandingClock()), topic),
            Ledger(store.container("ledger")),
            Offsets(store.container("checkpoints")),
            pages=Topic(),
            to="normalizer",
        )
        for chunk in chunks:
            await handler([Received(body=chunk.body, message_id=chunk.message_id, properties=chunk.properties)])
        await store.close()
    return [(STANDARD.jobs, jobs), (STANDARD.pages, chunks), (STANDARD.indicators, topic.messages)]


async def bare_bus(moved: Sent) -> float:
    """Return the processor time of sending and receiving the messages, the client's and the namespace's."""
    before, began = children(), time.process_time()
    with tempfile.TemporaryDirectory() as folder, as_file(files("mti.stack") / "Config.json") as config:
        async with (
            NamespaceProcess(config, Path(folder) / "data") as namespace,
            ServiceBusClient.from_connection_string(namespace.connection_string) as client,
        ):
            for entity, outgoing in moved:
                async with client.get_topic_sender(entity.name) as sender:
                    await send(sender, [to_sdk(message) for message in outgoing])
                async with receiver(client, entity, outgoing) as receiving:
                    await receive(receiving, len(outgoing))
    return time.process_time() - began + children() - before


async def send(sender: ServiceBusSender, messages: Sequence[ServiceBusMessage]) -> None:
    """Send as many in a batch as fit."""
    batch = await sender.create_message_batch()
    for message in messages:
        try:
            batch.add_message(message)
        except MessageSizeExceededError:
            await sender.send_messages(batch)
            batch = await sender.create_message_batch()
            batch.add_message(message)
    await sender.send_messages(batch)


def receiver(client: ServiceBusClient, entity: Entity, messages: Sequence[Outgoing]) -> ServiceBusReceiver:
    """Return the receiver of an entity; all messages of one with sessions are of one session."""
    if entity.subscription is None:
        return client.get_queue_receiver(entity.name)
    session = messages[0].session_id if entity.sessions else None
    return client.get_subscription_receiver(entity.name, entity.subscription, session_id=session)


async def receive(receiver: ServiceBusReceiver, count: int) -> None:
    """Receive them all, and complete each."""
    while count > 0:
        messages = await receiver.receive_messages(AT_ONCE, max_wait_time=20)
        if not messages:
            raise SystemExit(f"{count} messages did not come")
        await asyncio.gather(*(receiver.complete_message(message) for message in messages))
        count -= len(messages)
