"""Messages' bytes to requests' bodies and books, against reading and writing the same JSON; and a budget's use.

The first in processor time, with an uploader that makes the body of each request and sends it nowhere: objects that are
all new, then a refresh of each, with the books in a store on disk, and in one that costs nothing, so that the service's
own part shows. The others in virtual time (`tests/publisher/virtual.py`), so that they are the same on any machine:
the real consumer and handler, and a Sentinel that counts requests in a sliding minute.
"""

import gc
import json
import random
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import orjson

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import Indicator, IndicatorBatch, generation_id, indicators_message, observable_in
from mti.common.contracts.body import decompress
from mti.common.ports.bus import Received
from mti.common.ports.clock import SystemClock
from mti.common.ports.settlement import Complete
from mti.common.ports.store import Store
from mti.publisher.composition import publish_handler
from mti.publisher.halving import Taken
from mti.publisher.records import Item, PublishedVersions, destination_checkpoints
from mti.publisher.retrying import Tally
from mti.publisher.sentinel.client import request_body
from mti.simulation import virtual_time
from tests.bench.floor import as_in_a_service
from tests.bench.free_store import FreeStore
from tests.bench.results import quick, report
from tests.publisher.virtual import ModelSentinel, files, publishing, workspace
from tests.publisher.world import CONTOSO, CUSTOMER, Outbox, indicator, received, registry

OBJECTS = 2000


async def main() -> None:
    """Measure all of them."""
    runs = 3 if quick() else 7
    batches = messages_of(OBJECTS), messages_of(OBJECTS, later=timedelta(days=20))
    for store, name in ((on_disk, "publisher"), (for_free, "publisher_free_store")):
        report_against_floor(name, [await in_turn(store, batches) for _ in range(runs)])
    seeds = range(1 if quick() else 2)
    minutes = 1 if quick() else 3
    # A loop in virtual time can't run inside of this one.
    with ProcessPoolExecutor(1) as apart:
        report("publisher_budget_used", [apart.submit(budget_used, seed, minutes).result() for seed in seeds])
        report("publisher_fill", [apart.submit(requests_for_a_trickle, seed).result() for seed in seeds])
        report("publisher_429_share", [apart.submit(share_of_429, seed, minutes).result() for seed in seeds])


def report_against_floor(name: str, found: Sequence[tuple[float, float, float]]) -> None:
    """Report the processor times of runs: the floor's, those for new objects, those for refreshes."""
    base, *ours = (min(times) for times in zip(*found, strict=True))
    for what, place in (("", 0), ("_refreshed", 1)):
        report(
            f"{name}{what}_vs_json_floor",
            [times[place] / least for least, *times in found],
            objects_per_second=OBJECTS / ours[place],
            floor_per_second=OBJECTS / base,
        )


async def in_turn(
    opened: Callable[[], AbstractAsyncContextManager[Store]], batches: Sequence[Sequence[Received]]
) -> tuple[float, float, float]:
    """Return the processor times of the floor, and of publishers that begin with empty books and go on with them."""
    async with opened() as store:
        new, refreshed = [await published(store, batch) for batch in batches]
    return floor(batches[0]), new, refreshed


@asynccontextmanager
async def on_disk() -> AsyncIterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = packed(SqliteStore(Path(folder) / "store.db"))
        await store.container("published").read("nothing", "opens the file")
        yield store
        await store.close()


@asynccontextmanager
async def for_free() -> AsyncIterator[Store]:
    yield FreeStore()


def messages_of(count: int, later: timedelta = timedelta()) -> list[Received]:
    """Return so many objects as the normalizer sends them, a hundred a message, in versions that are later by that."""
    objects = [
        found.model_copy(update={"modified": found.modified + later, "valid_until": found.valid_until + later})
        for found in map(described, range(count))
    ]
    batches = [IndicatorBatch(source=CUSTOMER, objects=objects[start : start + 100]) for start in range(0, count, 100)]
    return [received(indicators_message(CONTOSO, batch)) for batch in batches]


def described(number: int) -> Indicator:
    rng = random.Random(number)
    found = indicator(
        f"file {number}",
        hours=rng.random(),
        description=f"Mimecast detected a malicious attachment invoice-{rng.randrange(10**9)}.pdf from "
        f"10.{rng.randrange(256)}.{rng.randrange(256)}.7; seen once, last at {rng.randrange(24)} o'clock",
        labels=["mimecast", "malware_customer", f"region-eu-{rng.randrange(3)}"],
        external_references=[{"source_name": "mimecast", "external_id": f"indicator--{rng.getrandbits(128):032x}"}],
        object_marking_refs=["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"],
    )
    observable = observable_in(found.pattern)
    assert observable is not None
    return found.model_copy(update={"id": generation_id(*observable)})


def floor(messages: Sequence[Received]) -> float:
    """Return the processor time of unpacking the bodies, and reading and writing their JSON."""
    began = time.process_time()
    for message in messages:
        orjson.dumps(orjson.loads(decompress(message.body)))
    return time.process_time() - began


class Bodies:
    """An uploader that makes bodies and takes all; see `Uploading`."""

    in_flight = 8
    used = 0.0

    def __init__(self) -> None:
        self.requests = 0
        self.last = b""

    async def send(
        self, items: Sequence[Item], *, probe: bool = False, ready: Callable[[], Awaitable[None]] | None = None
    ) -> AsyncGenerator[Taken]:
        if ready is not None:
            await ready()
        self.last = request_body("Mimecast", [item.object for item in items])
        self.requests += 1
        yield Taken(items, [])

    def interrupt(self) -> None:
        """Nothing waits."""

    def take_tally(self) -> Tally:
        return Tally(self.requests)


async def published(store: Store, messages: Sequence[Received]) -> float:
    """Return the processor time of a publisher that handles the messages, and has nothing in mind of the books."""
    clock, bodies = SystemClock(), Bodies()
    handler = publish_handler(
        registry("https://sentinel.invalid"),
        PublishedVersions(store.container("published"), clock),
        destination_checkpoints(store.container("checkpoints")),
        lambda _: bodies,
        Outbox(),
        "publisher",
        clock,
        random.Random(1),
    )
    gc.collect()
    with as_in_a_service():
        began = time.process_time()
        outcomes = await handler(messages)
        took = time.process_time() - began
    sent = len(json.loads(bodies.last)["stixobjects"])
    if list(outcomes) != [Complete()] * len(messages) or sent != 100 or bodies.requests != len(messages):
        sys.exit("not every object was published")
    return took


def budget_used(seed: int, minutes: int) -> float:
    """Return the part of a workspace's budget that a backlog uses after the first minute, with answers of a second."""
    rng, sentinel = random.Random(seed), ModelSentinel()
    sentinel.latency = lambda _: rng.uniform(0.8, 1.2)

    async def run() -> None:
        async with publishing(sentinel) as publisher:
            await publisher.send(0, files((minutes + 1) * 10_100))
            await sentinel.clock.sleep((minutes + 1) * 60)

    virtual_time.run(run())
    return len([found for found in sentinel.of(workspace(0)) if 60 <= found.began < (minutes + 1) * 60]) / (
        minutes * 100
    )


def requests_for_a_trickle(seed: int) -> float:
    """Return the requests for 1,000 objects that come some at a time, in messages of 1 to 40, 0.4 s apart."""
    rng, sentinel = random.Random(seed), ModelSentinel()

    async def run() -> None:
        objects = files(1000)
        async with publishing(sentinel) as publisher:
            while objects:
                some, objects = objects[: (size := rng.randint(1, 40))], objects[size:]
                await publisher.send(0, some)
                await sentinel.clock.sleep(rng.uniform(0, 0.8))
            await publisher.drained()

    virtual_time.run(run())
    return float(len(sentinel.uploads))


def share_of_429(seed: int, minutes: int) -> float:
    """Return the part of requests that is answered 429 where Sentinel lets 60 a minute through, and at times none."""
    rng = random.Random(seed)

    def refuse(_: str) -> httpx.Response | None:
        return httpx.Response(429, headers={"Retry-After": "5"}) if rng.random() < 0.01 else None

    sentinel = ModelSentinel(limit=60, refuse=refuse)

    async def run() -> None:
        async with publishing(sentinel) as publisher:
            await publisher.send(0, files((minutes + 1) * 6_500))
            await sentinel.clock.sleep((minutes + 1) * 60)

    virtual_time.run(run())
    return len(sentinel.of(workspace(0), 429)) / len(sentinel.uploads)
