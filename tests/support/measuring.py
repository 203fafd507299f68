"""Measures what each step of the pipeline asks of store and bus: the real handlers over counting stores and senders.

Nothing is on a disk or a network: the store is that of the simulation, which keeps the contract of the port, and the
clock is turned by hand. `make measure` writes `measured.json` anew.
"""

import asyncio
import logging
import random
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from mti.common.adapters.packed import PACKS, Limits, PackedStore, packed
from mti.common.logs import JsonLines
from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.secrets import Scheme, SecretReference
from mti.common.ports.settlement import Complete
from mti.common.ports.store import Document, Key
from mti.common.registry import Destination, Feed, MimecastAccount, SentinelAuth, Source
from mti.common.registry.origins import StoreOrigin
from mti.common.registry.records import CONTAINER as TENANTS
from mti.common.registry.records import TENANTS as TENANT
from mti.common.registry.records import mark_changed, read_records
from mti.common.topology import STANDARD
from mti.fetcher.composition import Fetcher, FetcherSettings, Ports, open_fetcher
from mti.normalizer.composition import NormalizeHandler, normalize_handler
from mti.normalizer.records import KNOWN, OFFSET_SECONDS
from mti.operations.cost.bus_operations import BusMeter, CountedSender
from mti.operations.cost.counting import CountedStore, Kind, StoreMeter, size_of
from mti.operations.cost.measured import Measured, Step
from mti.operations.cost.prices import list_prices
from mti.publisher.composition import Destinations, PublishHandler, publish_handler
from mti.publisher.records import CHECKPOINTS, PUBLISHED, PublishedVersions, destination_checkpoints
from mti.simulation.services import NoSecrets, OneToken
from mti.simulation.store import MemoryStore
from mti.simulators.feed import Detection, FeedSpec, generate
from mti.simulators.feed.stix import bundle
from tests.support.service_world import CONTOSO, NOW, TurnedClock, account, received, registry_of, route

FILE = Path(__file__).parents[2] / "libs" / "operations" / "src" / "mti" / "operations" / "cost" / "measured.json"
SOURCE = "t0/malware_customer"
CHUNK = 400
"""Detections of a full chunk."""
MANY = 101
"""Sources and tenants, where what each costs is told from what all cost together."""
LATER = round(timedelta(days=20) / timedelta(milliseconds=1))
"""Milliseconds after which what is seen again is due for a refresh."""
PACK = 100_000
"""Indicators that a pack has come to hold, over which the cost of keeping it in order is spread."""
NOTHING_MORE = {"stored_bytes": 0.0}
"""What takes the place of an earlier version."""
WRITER = "measured"
"""As long as what processes are told apart by, and the same in every run."""
NEVER_COMPACTED = Limits(epoch_documents=10**9, epoch_entries=10**9)
READS, WRITES = (Kind.READ, Kind.QUERY), (Kind.INSERT, Kind.REPLACE, Kind.DELETE)


@dataclass
class Topic:
    """A queue or a topic that keeps what it is sent."""

    sent: list[Outgoing] = field(default_factory=list)

    async def send(self, messages: Sequence[Outgoing]) -> None:
        self.sent += messages

    def taken(self) -> list[Received]:
        """Return what was sent since the last time, as a host hands it over."""
        messages = [received(message) for message in self.sent]
        self.sent.clear()
        return messages


@dataclass
class Mimecast(httpx.AsyncBaseTransport):
    """Answers every call with the same page, which is the window's last."""

    page: Sequence[Detection] = ()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "token", "expires_in": 86400})
        return httpx.Response(200, content=bundle(self.page, "bundle--00000000-0000-4000-8000-000000000000"))


class Sentinel(httpx.AsyncBaseTransport):
    """Accepts everything."""

    def __init__(self) -> None:
        self.requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        return httpx.Response(200, request=request)


class _Lines(logging.Handler):
    """Counts the bytes of the log."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.bytes = 0
        self.setFormatter(JsonLines("service"))

    def emit(self, record: logging.LogRecord) -> None:
        self.bytes += len(self.format(record).encode()) + 1


class Meters:
    """What was asked for since it was begun."""

    def __init__(self, store: StoreMeter, bus: BusMeter, lines: _Lines) -> None:
        self.store, self.bus, self._lines = store, bus, lines

    def step(self) -> Step:
        return Step(
            request_units=self.store.request_units,
            reads=self.store.count(*READS),
            writes=self.store.count(*WRITES),
            stored_bytes=self.store.inserted_bytes,
            messages=self.bus.messages,
            message_bytes=self.bus.bytes,
            bus_operations=self.bus.operations,
            log_bytes=self._lines.bytes,
        )


class Pipeline:
    """The three services over counting parts.

    Args:
        sources: how many there are; the first one has a workspace.
    """

    def __init__(self, sources: int = 1) -> None:
        self.clock = TurnedClock()
        self.mimecast, self.sentinel = Mimecast(), Sentinel()
        self.registry = registry_of(
            [_source(number) for number in range(sources)], [_destination()], [route(SOURCE, CONTOSO, "t0")]
        )
        self.jobs, self.pages, self.indicators = Topic(), Topic(), Topic()
        self._meter, self._bus = StoreMeter(list_prices().request_units), BusMeter()
        self.store = packed(CountedStore(MemoryStore(self.clock), self._meter), self.clock, WRITER)

    @contextmanager
    def metered(self) -> Iterator[Meters]:
        """Count what is asked for from here on."""
        self._meter.requests.clear()
        self._bus.clear()
        lines, logger = _Lines(), logging.getLogger("mti")
        level = logger.level
        logger.addHandler(lines)
        logger.setLevel(logging.INFO)
        try:
            yield Meters(self._meter, self._bus, lines)
        finally:
            logger.removeHandler(lines)
            logger.setLevel(level)

    @asynccontextmanager
    async def fetcher(self) -> AsyncIterator[Fetcher]:
        ports = Ports(
            registry=self.registry,
            store=self.store,
            secrets=NoSecrets(),
            jobs=self._counted(self.jobs),
            pages=self._counted(self.pages),
            backlog=_NoBacklog(),
            clock=self.clock,
            rng=random.Random(1),
            mimecast=self.mimecast,
        )
        async with open_fetcher(ports, FetcherSettings.model_construct()) as fetcher:
            yield fetcher

    def normalizer(self) -> NormalizeHandler:
        return normalize_handler(
            self.registry,
            self.store,
            self.clock,
            indicators=self._counted(self.indicators),
            pages=self._counted(self.pages),
            to=STANDARD.pages.to,
        )

    def publisher(self) -> PublishHandler:
        rng = random.Random(1)
        connections = Destinations(
            NoSecrets(), self.clock, rng, transport=self.sentinel, tokens=lambda _destination: OneToken()
        )
        return publish_handler(
            self.registry,
            PublishedVersions(self.store.container(PUBLISHED), self.clock),
            destination_checkpoints(self.store.container(CHECKPOINTS)),
            connections.connect,
            self._counted(self.indicators),
            STANDARD.indicators.to,
            self.clock,
            rng,
        )

    def _counted(self, topic: Topic) -> CountedSender:
        return CountedSender(topic, self._bus)


class _NoBacklog:
    async def age(self) -> timedelta:
        return timedelta()


def _destination() -> Destination:
    return Destination(
        id=CONTOSO,
        tenants=["t0"],
        endpoint="https://sentinel.invalid",
        authority="https://login.invalid",
        azure_tenant_id=None,
        auth=SentinelAuth.MANAGED_IDENTITY,
    )


def _source(number: int) -> Source:
    secrets = {name: SecretReference(scheme=Scheme.ENV, name=name) for name in ("client_id", "client_secret")}
    its: MimecastAccount = account(f"t{number}", secrets=secrets)
    return Source(id=f"t{number}/malware_customer", feed=Feed.MALWARE_CUSTOMER, region="eu", accounts=[its])


def detections(count: int, *, seed: int = 0) -> list[Detection]:
    """Return detections of the last hour, each of a file of its own."""
    spec = FeedSpec(seed=seed, detections=count, distinct=count, test_files=0, hours=0.5)
    return generate(spec, NOW)


async def measure() -> Measured:
    """Run every step, and return what it asked for."""
    registry_read, (registry_whole, registry_tenant) = await _registry_mark(), await _registry_read()
    schedule, schedule_source = await _schedules()
    job, one = await _fetch(()), await _fetch(detections(1))
    steps = {
        "registry_read": registry_read,
        "registry_whole": registry_whole,
        "registry_tenant": registry_tenant,
        "schedule": schedule,
        "schedule_source": schedule_source,
        "job": job,
        "chunk_fetched": one - job,
        **await _normalized(),
        **await _published(),
    }
    return Measured(**{name: step.rounded() for name, step in steps.items()})


async def _registry_mark() -> Step:
    """Measure a look at tenants that did not change."""
    there = Pipeline()
    container = there.store.container(TENANTS)
    await container.write(Document(partition=TENANT, id="contoso", body=_tenant("contoso")))
    await mark_changed(container)
    origin = StoreOrigin(container, "store", there.clock)
    contents = await origin.read_changed(None)
    assert contents is not None
    there.clock.turn(seconds=15)
    assert await origin.read_changed(contents.version) is None
    there.clock.turn(seconds=15)
    with there.metered() as meters:
        assert await origin.read_changed(contents.version) is None
    return meters.step()


async def _registry_read() -> tuple[Step, Step]:
    """Measure readings of all tenants in a store: what one costs, and what each tenant adds."""
    found = []
    for number in (1, MANY):
        there = Pipeline()
        container = there.store.container(TENANTS)
        for each in range(number):
            body = _tenant(f"tenant-{each:04}")
            await container.write(Document(partition=TENANT, id=f"tenant-{each:04}", body=body))
        with there.metered() as meters:
            await read_records(container)
        found.append(meters.step())
    return _slope(found[0], found[1], MANY - 1)


def _tenant(id: str) -> dict[str, Any]:
    """Return a tenant as `mti tenants add` writes it."""
    return {
        "id": id,
        "mimecast": {
            "api": "2.0",
            "region": "eu",
            "client_id": f"keyvault:{id}-mimecast-client-id",
            "client_secret": f"keyvault:{id}-mimecast-client-secret",
        },
        "feeds": ["malware_customer"],
        "sentinel": {
            "workspace_id": CONTOSO,
            "azure_tenant_id": CONTOSO,
            "auth": "federated_identity",
            "client_id": f"keyvault:{id}-sentinel-client-id",
        },
    }


async def _schedules() -> tuple[Step, Step]:
    """Measure runs of the schedule while nothing is due: what one costs, and what each source adds."""
    found = []
    for number in (1, MANY):
        there = Pipeline(number)
        async with there.fetcher() as fetcher:
            await fetched(there, fetcher)
            with there.metered() as meters:
                await fetcher.schedule.run_once()
        found.append(meters.step())
    return _slope(found[0], found[1], MANY - 1)


async def _fetch(page: Sequence[Detection]) -> Step:
    """Measure a source that is due again, from the schedule to the end of its window, without the looking."""
    there = Pipeline()
    async with there.fetcher() as fetcher:
        await fetched(there, fetcher)
        with there.metered() as meters:
            await fetcher.schedule.run_once()
        idle = meters.step()
        there.mimecast.page = page
        there.clock.turn(minutes=6)
        with there.metered() as meters:
            await fetched(there, fetcher)
    return meters.step() - idle


async def fetched(there: Pipeline, fetcher: Fetcher) -> None:
    """Let the schedule look once, and do the jobs that it finds due."""
    await fetcher.schedule.run_once()
    for job in there.jobs.taken():
        [outcome] = await fetcher.handler([job])
        assert isinstance(outcome, Complete)


async def _chunks(page: Sequence[Detection], now: datetime = NOW) -> list[Received]:
    """Return the chunks of a page, as the fetcher makes them."""
    there = Pipeline()
    there.clock.time, there.mimecast.page = now, page
    async with there.fetcher() as fetcher:
        await fetched(there, fetcher)
    return there.pages.taken()


async def _normalized() -> dict[str, Step]:
    """Measure chunks of one and of 400 new detections, and one whose detections are known."""
    first, full = detections(CHUNK, seed=1), detections(CHUNK, seed=2)
    there = Pipeline()
    handler = there.normalizer()
    await handler(await _chunks(first))
    there.indicators.taken()
    small = await _handled(there, handler, detections(1, seed=3))
    large = await _handled(there, handler, full)
    remembered = await _handled(there, handler, full[:-1])
    there.clock.turn(seconds=OFFSET_SECONDS)
    later = await _handled(there, handler, detections(1, seed=7))
    known = await _handled(there, there.normalizer(), full[1:])
    new = _bare(large - small).times(1 / (CHUNK - 1))
    chunk = _bare(small) - new
    kept, found = await Pack(there, KNOWN, CHUNK).measured()
    further = Step(message_bytes=(large.message_bytes - 4 * small.message_bytes) / (CHUNK - 4))
    return {
        "chunk": chunk,
        "offset": later - small,
        "detection_new": _in_a_pack(new, kept),
        "detection_known": (_bare(known) - chunk - (later - small)).times(1 / (CHUNK - 1)) + found,
        "detection_remembered": (_bare(remembered) - chunk).times(1 / (CHUNK - 1)),
        "message": _sent(small),
        "indicator": further,
    }


async def _handled(there: Pipeline, handler: NormalizeHandler, page: Sequence[Detection]) -> Step:
    [chunk] = await _chunks(page)
    with there.metered() as meters:
        [outcome] = await handler([chunk])
    assert isinstance(outcome, Complete)
    return meters.step()


async def _published() -> dict[str, Step]:
    """Measure batches of one and of 100 objects that are new, and of 100 that are newer than what is there."""
    there = Pipeline()
    publisher = there.publisher()
    await _uploaded(there, publisher, detections(1, seed=4))
    full = detections(100, seed=6)
    small = await _uploaded(there, publisher, detections(1, seed=5))
    large = await _uploaded(there, publisher, full)
    there.clock.turn(days=20)
    later = [each._replace(seen_ms=each.seen_ms + LATER, visible_ms=each.visible_ms + LATER) for each in full]
    newer = await _uploaded(there, publisher, later)
    new = (large - small).times(1 / 99)
    batch = small - new
    kept, found = await Pack(there, PUBLISHED, 100).measured()
    newer = (newer - batch).times(1 / 100) + kept + found
    return {"batch": batch, "object_new": _in_a_pack(new, kept), "object_newer": newer.model_copy(update=NOTHING_MORE)}


class Pack:
    """A pack of the services that has grown to `PACK` indicators.

    Args:
        there: a pipeline whose container holds documents as the services write them.
        name: the container's.
        batch: documents that are written together.
    """

    def __init__(self, there: Pipeline, name: str, batch: int) -> None:
        self._there = there
        self._name = name
        self._batch = batch

    async def measured(self) -> tuple[Step, Step]:
        """Return, for each indicator, what it takes to keep the pack in order: the runs that are made of the journal,
        and the removal of what these replace; it is what a pack that is never compacted does not ask for. And what it
        takes to find one that is in a page.
        """
        held = self._there.store.container(self._name)
        partitions = [partition async for partition in held.partitions() if "#" in partition]
        like = [document for partition in partitions async for document in held.scan(partition)]
        journal, _ = await self._grown(like, NEVER_COMPACTED)
        grown, found = await self._grown(like, Limits())
        kept = (grown - journal).times(1 / PACK)
        return kept.model_copy(update={"stored_bytes": grown.stored_bytes / PACK}), found

    async def _grown(self, like: Sequence[Document], limits: Limits) -> tuple[Step, Step]:
        """Write documents that are like some others, and return what that asked for and left, and what it takes to find
        one of them.
        """
        meter, below, ids = StoreMeter(list_prices().request_units), MemoryStore(self._there.clock), random.Random(1)
        store = PackedStore(CountedStore(below, meter), PACKS, self._there.clock, limits, WRITER)
        container, keys = store.container(self._name), list[Key]()
        for start in range(0, PACK, self._batch):
            documents = [
                replace(like[number % len(like)], id=f"indicator--{UUID(int=ids.getrandbits(128))}", etag=None)
                for number in range(start, start + self._batch)
            ]
            keys += [(document.partition, document.id) for document in documents]
            await container.write_many(documents)
        sizes = list[int]()
        async for partition in below.container(self._name).partitions():
            sizes += [size_of(document) async for document in below.container(self._name).scan(partition)]
        written = _asked(meter).model_copy(update={"stored_bytes": sum(sizes)})
        absent, held = [
            await self._looked_up(
                PackedStore(CountedStore(below, meter), PACKS, self._there.clock, writer=WRITER), meter, wanted
            )
            for wanted in ([(partition, f"{id}?") for partition, id in keys], keys)
        ]
        return written, held - absent

    async def _looked_up(self, store: PackedStore, meter: StoreMeter, keys: Sequence[Key]) -> Step:
        """Return what looking up one of some keys takes a process that knows the pack and has no page of it."""
        container = store.container(self._name)
        await container.read_each([(keys[0][0], "nothing")])
        meter.requests.clear()
        await container.read_each(random.Random(2).sample(keys, self._batch))
        return _asked(meter).times(1 / self._batch)


def _asked(meter: StoreMeter) -> Step:
    return Step(request_units=meter.request_units, reads=meter.count(*READS), writes=meter.count(*WRITES))


def _in_a_pack(step: Step, kept: Step) -> Step:
    """Return a step with its part in keeping the pack in order, and with what the pack takes in the end."""
    return (step + kept).model_copy(update={"stored_bytes": kept.stored_bytes})


async def _uploaded(there: Pipeline, publisher: PublishHandler, page: Sequence[Detection]) -> Step:
    """Upload what a normalizer that knows nothing makes of a page."""
    other = Pipeline()
    other.clock.time = there.clock.time
    await other.normalizer()(await _chunks(page, there.clock.time))
    [message] = other.indicators.taken()
    before = there.sentinel.requests
    with there.metered() as meters:
        [outcome] = await publisher([message])
    assert isinstance(outcome, Complete)
    assert there.sentinel.requests == before + 1
    return meters.step()


def _slope(one: Step, many: Step, more: int) -> tuple[Step, Step]:
    """Return what is asked for once, and what for each."""
    each = (many - one).times(1 / more)
    return one - each, each


def _bare(step: Step) -> Step:
    """Return a step without its messages, which are a step of their own."""
    return step - _sent(step)


def _sent(step: Step) -> Step:
    return Step(messages=step.messages, message_bytes=step.message_bytes, bus_operations=step.bus_operations)


def main() -> None:
    """Write the file."""
    found = asyncio.run(measure())
    FILE.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"{FILE.name} is written\n")


if __name__ == "__main__":
    main()
