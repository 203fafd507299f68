"""The three services in virtual time: the real handlers and consumers, with their own defaults, on the models."""

import asyncio
import random
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import SecretStr

from mti.common.hosting import Handler, QueueAge, QueueConsumer, SessionConsumer, Settler
from mti.common.ports.bus import Received
from mti.common.ports.clock import Clock
from mti.common.ports.secrets import SecretReference
from mti.common.ports.settlement import Outcome
from mti.common.registry import Registry
from mti.common.topology import STANDARD
from mti.fetcher.composition import FetcherSettings, Ports, keep_schedule, open_fetcher
from mti.normalizer.composition import NormalizerSettings, normalize_handler
from mti.publisher.composition import GATHER, Destinations, PublisherSettings, publish_handler
from mti.publisher.records import CHECKPOINTS, PUBLISHED, PublishedVersions, destination_checkpoints
from mti.simulation.bus import MemorySender, ModelledEntity
from mti.simulation.parameters import Parameters
from mti.simulation.receivers import MemoryBus
from mti.simulation.store import MemoryStore


class NoSecrets:
    """Resolves every reference to its own name."""

    async def resolve(self, reference: SecretReference) -> SecretStr:
        """Return the value."""
        return SecretStr(reference.name)

    def forget(self, reference: SecretReference) -> None:
        """Forget nothing."""


class OneToken:
    """A token that is always good."""

    async def token(self) -> str:
        """Return it."""
        return "token"

    async def renew(self) -> None:
        """Keep it."""

    async def close(self) -> None:
        """There is nothing to close."""


class Processor:
    """One core: work takes turns on it."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def work(self, seconds: float) -> None:
        """Keep it busy."""
        async with self._lock:
            await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Laboured:
    """A handler whose messages keep a processor busy, by their size."""

    handler: Handler
    processor: Processor
    seconds_a_kilobyte: float

    async def __call__(self, messages: Sequence[Received]) -> Sequence[Outcome]:
        """Work, and handle."""
        await self.processor.work(sum(len(message.body) for message in messages) / 1024 * self.seconds_a_kilobyte)
        return await self.handler(messages)


@dataclass(slots=True)
class Pipeline:
    """The bus between the services, and what they are made of."""

    parameters: Parameters
    registry: Registry
    clock: Clock
    mimecast: httpx.AsyncBaseTransport
    sentinel: httpx.AsyncBaseTransport
    jobs: ModelledEntity = field(init=False)
    pages: ModelledEntity = field(init=False)
    indicators: ModelledEntity = field(init=False)
    fetched: MemoryStore = field(init=False)
    _bus: MemoryBus = field(init=False)

    def __post_init__(self) -> None:
        self.jobs = ModelledEntity(STANDARD.jobs, self.clock)
        self.pages = ModelledEntity(STANDARD.pages, self.clock)
        self.indicators = ModelledEntity(STANDARD.indicators, self.clock)
        self.fetched = self._store()
        entities = {entity.modelled: entity for entity in (self.jobs, self.pages, self.indicators)}
        self._bus = MemoryBus(entities, self.parameters.costs)

    def tasks(self, stop: asyncio.Event) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield what runs until `stop` is set: every process of every service."""
        parameters = self.parameters
        jobs, pages, indicators = (self._sender(found) for found in (self.jobs, self.pages, self.indicators))
        for number in range(parameters.fetchers):
            yield self._fetch(self._rng("fetcher", number), jobs, pages, stop)
        normalized = self._store()
        for number in range(parameters.normalizers):
            yield self._normalizer(self._rng("normalizer", number), normalized, pages, indicators).run(stop)
        published = self._store()
        for number in range(parameters.publishers):
            yield self._publisher(self._rng("publisher", number), published, indicators).run(stop)

    async def _fetch(self, rng: random.Random, jobs: MemorySender, pages: MemorySender, stop: asyncio.Event) -> None:
        ports = Ports(
            registry=self.registry,
            store=self.fetched,
            secrets=NoSecrets(),
            jobs=jobs,
            pages=pages,
            backlog=QueueAge(self._bus, STANDARD.pages, self.clock),
            clock=self.clock,
            rng=rng,
            mimecast=self.mimecast,
        )
        # All but the concurrency is as it is where nothing is set; no environment is read.
        settings = FetcherSettings.model_construct()
        if self.parameters.jobs:
            settings = settings.model_copy(update={"fetcher_concurrency": self.parameters.jobs})
        settler = Settler(jobs, STANDARD.jobs.to, self.clock, rng)
        async with open_fetcher(ports, settings) as fetcher, asyncio.TaskGroup() as group:
            consumer = QueueConsumer(
                self._bus,
                STANDARD.jobs,
                fetcher.handler,
                settler,
                self.clock,
                concurrency=settings.fetcher_concurrency,
            )
            group.create_task(consumer.run(stop))
            group.create_task(keep_schedule(fetcher.schedule, settings.schedule_seconds, stop))

    def _normalizer(
        self, rng: random.Random, store: MemoryStore, pages: MemorySender, indicators: MemorySender
    ) -> QueueConsumer:
        handler = normalize_handler(
            self.registry, store, self.clock, indicators=indicators, pages=pages, to=STANDARD.pages.to
        )
        concurrency = self.parameters.chunks or NormalizerSettings.model_fields["normalizer_concurrency"].default
        laboured = Laboured(handler, Processor(), self.parameters.costs.normalizer_kilobyte)
        settler = Settler(pages, STANDARD.pages.to, self.clock, rng)
        return QueueConsumer(self._bus, STANDARD.pages, laboured, settler, self.clock, concurrency=concurrency)

    def _publisher(self, rng: random.Random, store: MemoryStore, indicators: MemorySender) -> SessionConsumer:
        destinations = Destinations(
            NoSecrets(), self.clock, rng, transport=self.sentinel, tokens=lambda _destination: OneToken()
        )
        defaults = PublisherSettings.model_fields
        handler = publish_handler(
            self.registry,
            PublishedVersions(store.container(PUBLISHED), self.clock),
            destination_checkpoints(store.container(CHECKPOINTS)),
            destinations.connect,
            indicators,
            STANDARD.indicators.to,
            self.clock,
            rng,
        )
        return SessionConsumer(
            self._bus,
            STANDARD.indicators,
            Laboured(handler, Processor(), self.parameters.costs.publisher_kilobyte),
            Settler(indicators, STANDARD.indicators.to, self.clock, rng),
            self.clock,
            slots=self.parameters.sessions or defaults["publisher_slots"].default,
            batch_size=defaults["publisher_batch_size"].default,
            gather=GATHER,
            gathering=handler.filling(defaults["publisher_gather_seconds"].default),
        )

    def _sender(self, entity: ModelledEntity) -> MemorySender:
        return MemorySender([entity], self.clock, self.parameters.costs)

    def _store(self) -> MemoryStore:
        return MemoryStore(self.clock, self.parameters.costs)

    def _rng(self, service: str, number: int) -> random.Random:
        return random.Random(f"{self.parameters.seed}/{service}/{number}")  # noqa: S311  a simulation
