"""Dead letters on a real namespace: sent, received and dead-lettered by the SDK."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from mti.common.adapters.servicebus import Address, ServiceBus
from mti.common.adapters.servicebus.received import from_sdk
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import (
    Indicator,
    IndicatorBatch,
    PageChunk,
    cut,
    indicators_message,
    job_message,
)
from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.clock import SystemClock
from mti.common.registry import Feed, FeedFormat
from mti.common.settings import BusSettings
from mti.local.namespace import Namespace
from mti.operations.dead_letters import (
    Judge,
    NoJudge,
    Plan,
    PublishedJudge,
    Replayer,
    ReplayOptions,
    ReplayResult,
    Selection,
    SubQueue,
    entities_of,
    plan,
)
from mti.publisher.item import Item
from mti.publisher.published import Accept
from mti.publisher.versions import CONTAINER, PublishedVersions
from tests.publisher.world import CONTOSO, CUSTOMER, indicator
from tests.support.bus import FETCH_JOBS, INDICATORS, RAW_PAGES, connected, running_namespace

PAGES_PATH, INDICATORS_PATH, JOBS_PATH = str(RAW_PAGES), str(INDICATORS), str(FETCH_JOBS)
EVERYTHING = Selection()


@dataclass
class Watch:
    """Notes the steps of a replay."""

    steps: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self, step: Any, letter: Any) -> None:
        self.steps.append((step.value, letter.sequence))


@dataclass
class World:
    namespace: Namespace
    bus: ServiceBus
    queues: Sequence[SubQueue]
    store: SqliteStore
    clock: SystemClock

    @property
    def versions(self) -> PublishedVersions:
        return PublishedVersions(self.store.container(CONTAINER), self.clock)

    def queue(self, address: Address) -> SubQueue:
        return next(queue for queue in self.queues if queue.entity.address == address)

    async def die(
        self, address: Address, *messages: Outgoing, reason: str = "Bug", description: str = "a fault; report it"
    ) -> None:
        """Send messages and dead-letter them as a service would."""
        await self.bus.sender(address).send(messages)
        for session in {message.session_id for message in messages}:
            mine = {message.message_id for message in messages if message.session_id == session}
            async with self.bus.receiver(address, session=session) as receiver:
                while mine:
                    for found in await receiver.receive_messages(max_message_count=len(mine), max_wait_time=5):
                        mine.discard(str(found.message_id))
                        await receiver.dead_letter_message(found, reason=reason, error_description=description)

    async def dead(self, address: Address) -> list[Received]:
        return [letter.message async for letter in self.queue(address).letters()]

    async def drain(self, address: Address, session: str | None = None) -> list[Received]:
        """Take out everything that is waiting to be handled."""
        found: list[Received] = []
        async with self.bus.receiver(address, session=session, connect_wait=1) as receiver:
            while raw := await receiver.receive_messages(max_message_count=100, max_wait_time=0.3):
                found += [from_sdk(message) for message in raw]
                for message in raw:
                    await receiver.complete_message(message)
        return found

    async def plan(self, selection: Selection = EVERYTHING, limit: int | None = None) -> Plan:
        return await plan(self.queues, selection, self.clock, limit=limit)

    def replayer(self, *, judge: Judge | None = None, watch: Watch | None = None, **options: Any) -> Replayer:
        return Replayer(self.queues, judge or NoJudge(), self.clock, ReplayOptions(**options), watch or Watch())

    async def replay(self, selection: Selection = EVERYTHING, **options: Any) -> ReplayResult:
        judge, watch = options.pop("judge", None), options.pop("watch", None)
        return await self.replayer(judge=judge, watch=watch, **options).replay(await self.plan(selection))

    def judge(self) -> PublishedJudge:
        return PublishedJudge(self.versions)

    async def publish(self, *objects: Indicator, to: str = CONTOSO) -> None:
        """Let the workspace hold the objects."""
        changes = [
            Accept(Item(object=found, source=CUSTOMER, feed=Feed.MALWARE_CUSTOMER, extension=timedelta(), message=0))
            for found in objects
        ]
        await self.versions.record(to, changes)


@asynccontextmanager
async def world(folder: Path, *, patience: float = 2.0) -> AsyncIterator[World]:
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        namespace = await stack.enter_async_context(running_namespace(folder))
        bus = await stack.enter_async_context(connected(namespace))
        settings = BusSettings(
            servicebus_connection_string=SecretStr(namespace.connection_string), servicebus_namespace=None
        )
        queues = [
            await stack.enter_async_context(SubQueue(bus, entity, clock, wait=0.3, patience=patience))
            for entity in entities_of(settings)
        ]
        store = SqliteStore(folder / "publisher.db")
        stack.push_async_callback(store.close)
        yield World(namespace, bus, queues, store, clock)


def page(name: str, source: str = CUSTOMER) -> Outgoing:
    """Return a chunk of one detection."""
    ((_, message),) = cut(
        [[{"type": "indicator", "name": name}]],
        source=source,
        feed=Feed.MALWARE_CUSTOMER,
        region="eu",
        format=FeedFormat.STIX,
    )
    return message


def batch(*names: str, to: str = CONTOSO, hours: float = 0) -> Outgoing:
    """Return indicators for a workspace."""
    objects = [indicator(name, hours=hours) for name in names]
    return indicators_message(to, IndicatorBatch(source=CUSTOMER, objects=objects))


def job(source: str = CUSTOMER, revision: int = 1) -> Outgoing:
    return job_message(source, revision)


__all__ = ["FETCH_JOBS", "INDICATORS", "RAW_PAGES", "PageChunk"]
