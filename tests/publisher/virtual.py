"""A publisher in virtual time: the real consumer and handler on models of the bus, the store and Sentinel."""

import asyncio
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import orjson

from mti.common.contracts import Indicator, IndicatorBatch, indicators_message
from mti.common.hosting import SessionConsumer, Settler
from mti.common.ports.bus import Outgoing
from mti.common.topology import STANDARD
from mti.publisher.composition import GATHER, Destinations, PublisherSettings, publish_handler
from mti.publisher.records import CHECKPOINTS, PUBLISHED, PublishedVersions, destination_checkpoints
from mti.simulation.bus import MemorySender, ModelledEntity
from mti.simulation.parameters import Costs
from mti.simulation.receivers import MemoryBus
from mti.simulation.services import NoSecrets, OneToken
from mti.simulation.store import MemoryStore
from mti.simulation.virtual_time import VirtualClock
from tests.publisher.world import destination, indicator
from tests.support.service_world import account, registry_of, route, source

SOURCE = "contoso/malware_customer"
DEFAULTS = PublisherSettings.model_fields


def workspace(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


@dataclass
class Upload:
    """One request as Sentinel saw it."""

    workspace: str
    began: float
    status: int
    objects: int


@dataclass
class ModelSentinel(httpx.AsyncBaseTransport):
    """Answers after `latency` seconds, by a count of requests in a sliding minute; what came last is what it holds."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    latency: Callable[[str], float] = lambda _workspace: 1.0
    refuse: Callable[[str], httpx.Response | None] = lambda _workspace: None
    limit: int = 100
    uploads: list[Upload] = field(default_factory=list)
    held: dict[tuple[str, str], str] = field(default_factory=dict)
    """The version that each workspace holds of each id."""
    went_back: int = 0
    twice: int = 0
    """Requests that held an id which another one under way held too."""
    most: Counter[str] = field(default_factory=Counter)
    """The most requests that were under way at once, by workspace."""
    _minute: dict[str, deque[float]] = field(default_factory=dict)
    _under_way: dict[str, list[set[str]]] = field(default_factory=dict)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.split("/")[2]
        objects = orjson.loads(request.content)["stixobjects"]
        ids = {found["id"] for found in objects}
        under_way = self._under_way.setdefault(name, [])
        self.twice += any(ids & others for others in under_way)
        under_way.append(ids)
        self.most[name] = max(self.most[name], len(under_way))
        began = self.clock.monotonic()
        try:
            await asyncio.sleep(self.latency(name))
            answer = self.refuse(name) or self._limited(name) or httpx.Response(200)
            if answer.status_code == 200:
                self._take(name, objects)
        finally:
            under_way.remove(ids)
        self.uploads.append(Upload(name, began, answer.status_code, len(objects)))
        return answer

    def _take(self, name: str, objects: Sequence[dict[str, str]]) -> None:
        for found in objects:
            key = name, found["id"]
            self.went_back += found["modified"] < self.held.get(key, "")
            self.held[key] = found["modified"]

    def _limited(self, name: str) -> httpx.Response | None:
        now, minute = self.clock.monotonic(), self._minute.setdefault(name, deque())
        while minute and minute[0] <= now - 60:
            minute.popleft()
        if len(minute) >= self.limit:
            return httpx.Response(429, headers={"Retry-After": str(int(minute[0] + 60 - now) + 1)})
        minute.append(now)
        return None

    def of(self, name: str, status: int = 200) -> list[Upload]:
        return [found for found in self.uploads if found.workspace == name and found.status == status]


@dataclass
class VirtualPublisher:
    """What runs, and the way into it."""

    sentinel: ModelSentinel
    indicators: ModelledEntity
    _sender: MemorySender

    async def send(self, number: int, objects: Sequence[Indicator], size: int = 100) -> None:
        """Send objects to a workspace, so many a message, without taking time for it."""
        for start in range(0, len(objects), size):
            batch = IndicatorBatch(source=SOURCE, objects=list(objects[start : start + size]))
            self._put(indicators_message(workspace(number), batch))
        await asyncio.sleep(0)

    def _put(self, message: Outgoing) -> None:
        self.indicators.put(message)

    async def drained(self) -> None:
        """Wait until nothing is left on the bus, nor comes back to it later."""
        while self.indicators.left:
            await asyncio.sleep(0.5)


@asynccontextmanager
async def publishing(
    sentinel: ModelSentinel,
    workspaces: int = 1,
    *,
    in_flight: int = DEFAULTS["publisher_requests_in_flight"].default,
    gather_seconds: float = DEFAULTS["publisher_gather_seconds"].default,
    slots: int = 64,
    costs: Costs | None = None,
) -> AsyncIterator[VirtualPublisher]:
    """Run a publisher of so many workspaces; to be called in virtual time."""
    clock, costs, rng = VirtualClock(), costs or Costs(), random.Random(1)
    entity = STANDARD.indicators
    modelled, store = ModelledEntity(entity, clock), MemoryStore(clock, costs)
    sender = MemorySender([modelled], clock, costs)
    names = [workspace(number) for number in range(workspaces)]
    registry = registry_of(
        [source(SOURCE, account("contoso"))],
        [destination(name, "https://sentinel.invalid") for name in names],
        [route(SOURCE, name) for name in names],
    )
    destinations = Destinations(
        NoSecrets(), clock, rng, transport=sentinel, tokens=lambda _: OneToken(), in_flight=in_flight
    )
    handler = publish_handler(
        registry,
        PublishedVersions(store.container(PUBLISHED), clock),
        destination_checkpoints(store.container(CHECKPOINTS)),
        destinations.connect,
        sender,
        entity.to,
        clock,
        rng,
    )
    consumer = SessionConsumer(
        MemoryBus({entity: modelled}, costs),
        entity,
        handler,
        Settler(sender, entity.to, clock, rng),
        clock,
        slots=slots,
        batch_size=DEFAULTS["publisher_batch_size"].default,
        gather=GATHER,
        gathering=handler.filling(gather_seconds),
    )
    stop = asyncio.Event()
    running = asyncio.create_task(consumer.run(stop))
    try:
        yield VirtualPublisher(sentinel, modelled, sender)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def files(count: int, prefix: str = "file", hours: float = 0) -> list[Indicator]:
    return [indicator(f"{prefix} {number}", hours=hours) for number in range(count)]
