"""Dead letters on a real namespace: sent, received and dead-lettered by the SDK."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import SessionLockLostError

from mti.common.adapters.packed import packed
from mti.common.adapters.servicebus import ServiceBus
from mti.common.adapters.servicebus.received import from_sdk
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import (
    Carried,
    Indicator,
    IndicatorBatch,
    cut,
    indicators_message,
    job_message,
)
from mti.common.contracts.envelope import TRACEPARENT
from mti.common.ports.bus import Outgoing, PropertyValue, Received
from mti.common.ports.clock import SystemClock
from mti.common.registry import Feed, FeedFormat
from mti.common.topology import STANDARD, Entity
from mti.deployment.service_bus.dead_letter_queue import ServiceBusDeadLetterQueue, connected_queues
from mti.operations.dead_letters import (
    Judge,
    NoJudge,
    Plan,
    Progress,
    PublishedJudge,
    Replayer,
    ReplayOptions,
    ReplayResult,
    Selection,
    plan,
)
from mti.publisher.records import PUBLISHED, Accept, Item, PublishedVersions, Withdraw
from servicebus_local import Namespace
from tests.publisher.world import CONTOSO, CUSTOMER, indicator
from tests.support.bus import FETCH_JOBS, INDICATORS, RAW_PAGES, connected, counts, running_namespace
from tests.support.waiting import PATIENCE

EVERYTHING = Selection()


@dataclass
class Watch:
    """Notes the steps of a replay."""

    steps: list[tuple[str, int]] = field(default_factory=list)

    def __call__(self, step: Any, letter: Any) -> None:
        self.steps.append((step.value, letter.sequence))


@dataclass
class World:
    """One namespace for many tests: closing a link of the SDK takes a second. Names are each test's own."""

    namespace: Namespace
    bus: ServiceBus
    queues: Sequence[ServiceBusDeadLetterQueue]
    folder: Path
    clock: SystemClock
    test: str = ""
    receivers: dict[tuple[Entity, str | None], ServiceBusReceiver] = field(default_factory=dict)

    # -- what there is to send

    def page(self, name: str) -> Outgoing:
        """Return a chunk of one detection."""
        return page(f"{self.test} {name}")

    def batch(self, *names: str, to: str = CONTOSO) -> Outgoing:
        """Return indicators for a workspace."""
        batch = IndicatorBatch(source=CUSTOMER, objects=[self.indicator(name) for name in names])
        return indicators_message(to, batch)

    def indicator(self, name: str, **fields: Any) -> Indicator:
        return indicator(f"{self.test} {name}", **fields)

    def job(self) -> Outgoing:
        return job_message(f"{self.test}/malware_customer", 1)

    # -- what happens on the bus

    async def die(
        self, entity: Entity, *messages: Outgoing, reason: str = "Bug", description: str = "a fault; report it"
    ) -> None:
        """Send messages and dead-letter them as a service would."""
        await self.bus.sender(entity).send(messages)
        for session in {message.session_id for message in messages}:
            receiver = await self.receiver(entity, session)
            left = sum(message.session_id == session for message in messages)
            while left:
                for found in await receiver.receive_messages(max_message_count=left, max_wait_time=PATIENCE):
                    left -= 1
                    await receiver.dead_letter_message(found, reason=reason, error_description=description)

    async def dead(self, entity: Entity) -> list[Received]:
        return [letter.message async for letter in self.queue(entity).letters()]

    async def drain(self, entity: Entity, session: str | None = None) -> list[Received]:
        """Take out everything that is waiting to be handled.

        A round that brings little says that the machine is slow, and not that there is no more: that is asked.
        """
        found: list[Received] = []
        receiver = await self.receiver(entity, session)
        while await receiver.peek_messages(max_message_count=1):
            raw = await receiver.receive_messages(max_message_count=100, max_wait_time=PATIENCE)
            found += [from_sdk(message) for message in raw]
            for message in raw:
                await receiver.complete_message(message)
        return found

    async def receiver(self, entity: Entity, session: str | None = None) -> ServiceBusReceiver:
        key = (entity, session)
        if key in self.receivers and await _has_lost_its_session(self.receivers[key]):
            await self.receivers.pop(key).close()
        if key not in self.receivers:
            self.receivers[key] = self.bus.receiver(entity, session=session, connect_wait=PATIENCE)
            await self.receivers[key].__aenter__()
        return self.receivers[key]

    def queue(self, entity: Entity) -> ServiceBusDeadLetterQueue:
        return next(queue for queue in self.queues if queue.entity == entity)

    # -- the work

    async def plan(self, selection: Selection = EVERYTHING, limit: int | None = None) -> Plan:
        return await plan(self.queues, selection, self.clock, limit=limit)

    def replayer(
        self,
        *,
        judge: Judge | None = None,
        watch: Progress | None = None,
        queues: Sequence[ServiceBusDeadLetterQueue] | None = None,
        **options: Any,
    ) -> Replayer:
        found = self.queues if queues is None else queues
        return Replayer(found, judge or NoJudge(), self.clock, ReplayOptions(**options), watch or Watch())

    async def replay(self, selection: Selection = EVERYTHING, **options: Any) -> ReplayResult:
        return await self.replayer(**options).replay(await self.plan(selection))

    @asynccontextmanager
    async def impatient(self) -> AsyncIterator[Sequence[ServiceBusDeadLetterQueue]]:
        """Look at the dead letters with queues that wait for nobody who holds a lock."""
        async with connected_queues(self.bus, STANDARD.entities, self.clock, wait=0.2, patience=0) as queues:
            yield queues

    @asynccontextmanager
    async def judge(
        self, *held: Indicator, to: str = CONTOSO, withdrawn: Sequence[str] = ()
    ) -> AsyncIterator[PublishedJudge]:
        """Let a workspace hold objects."""
        store = packed(SqliteStore(self.folder / "publisher.db"))
        versions = PublishedVersions(store.container(PUBLISHED), self.clock)
        changes = [
            Accept(
                Item.of(
                    Carried.of(found),
                    source=CUSTOMER,
                    feed=Feed.MALWARE_CUSTOMER,
                    extension=timedelta(),
                )
            )
            for found in held
        ]
        orders = [Withdraw(id=self.indicator(name).id, at=self.clock.now()) for name in withdrawn]
        await versions.record(to, [*changes, *orders])
        yield PublishedJudge(versions)
        await store.close()

    async def clean(self) -> None:
        """Leave nothing to the next test."""
        found = {entity: await counts(self.namespace, str(entity)) for entity in (FETCH_JOBS, RAW_PAGES, INDICATORS)}
        dead = [self._forget(queue) for queue in self.queues if found[queue.entity]["dead_letter"]]
        live = [self.drain(entity, session) for entity, session in self.receivers if found[entity]["active"]]
        await asyncio.gather(*dead, *live)

    async def _forget(self, queue: ServiceBusDeadLetterQueue) -> None:
        await queue.complete([letter.sequence async for letter in queue.letters()])

    async def close(self) -> None:
        await asyncio.gather(*(receiver.close() for receiver in self.receivers.values()))


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        namespace = await stack.enter_async_context(running_namespace(folder))
        bus = await stack.enter_async_context(connected(namespace))
        queues = await stack.enter_async_context(
            connected_queues(bus, STANDARD.entities, clock, wait=0.2, patience=PATIENCE)
        )
        found = World(namespace, bus, queues, folder, clock)
        stack.push_async_callback(found.close)
        yield found


async def _has_lost_its_session(receiver: ServiceBusReceiver) -> bool:
    """Say whether the lock ran out, as it does where the tests in between take longer than it lasts; else renew it."""
    if receiver.session is None:
        return False
    try:
        await receiver.session.renew_lock()
    except SessionLockLostError:
        return True
    return False


def page(name: str) -> Outgoing:
    ((_, message),) = cut(
        [[{"type": "indicator", "name": name}]],
        source=CUSTOMER,
        feed=Feed.MALWARE_CUSTOMER,
        region="eu",
        format=FeedFormat.STIX,
    )
    return message


def untraced(message: Received) -> dict[str, PropertyValue]:
    """Return the properties without the trace that the sender adds."""
    return {name: value for name, value in message.properties.items() if name != TRACEPARENT}
