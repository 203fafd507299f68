"""The loads of Azure Service Bus: counted by its administration where that is allowed, else by peeking."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from datetime import datetime
from typing import TypeVar

from azure.core.exceptions import AzureError
from azure.servicebus.aio.management import ServiceBusAdministrationClient

from mti.common.ports.bus import Received
from mti.common.topology import Topology
from mti.deployment.service_bus.peeks import Peeks
from mti.operations.bus import BusLoads, DeadLetter, EntityLoad, SessionLoad

PEEKED = 250
"""Messages of an entity or session that are peeked at most; beyond it their number is not known."""
_AT_ONCE = 8

T = TypeVar("T")


async def measured(
    view: Peeks,
    topology: Topology,
    destinations: Sequence[str],
    administration: ServiceBusAdministrationClient | None = None,
) -> BusLoads:
    """Measure all entities.

    Args:
        view: looks into the namespace, and has seen nothing yet.
        topology: its entities.
        destinations: whose sessions are looked into.
        administration: see `Peeks`.

    Raises:
        BusUnavailable: the broker does not answer.
    """
    return await _Measuring(view, topology, destinations, administration).loads()


class _Measuring:
    def __init__(
        self,
        view: Peeks,
        topology: Topology,
        destinations: Sequence[str],
        administration: ServiceBusAdministrationClient | None,
    ) -> None:
        self._view = view
        self._topology = topology
        self._destinations = destinations
        self._administration = administration

    async def loads(self) -> BusLoads:
        topology, view = self._topology, self._view
        entities = {
            topology.jobs.path: await self._queue(),
            topology.pages.name: EntityLoad(scheduled=await view.scheduled(topology.pages.name)),
            topology.pages.path: await self._subscription(topology.pages.path),
            topology.indicators.name: EntityLoad(scheduled=await view.scheduled(topology.indicators.name)),
            topology.indicators.path: await self._sessions(),
        }
        notes = [
            f"topic {topic}: scheduled messages can't be peeked, and not be counted without the right to manage the "
            "namespace (role Azure Service Bus Data Owner)"
            for topic in (topology.pages.name, topology.indicators.name)
            if entities[topic].scheduled is None
        ]
        return BusLoads(entities=entities, notes=[*notes, *view.unseen().notes])

    async def _queue(self) -> EntityLoad:
        admin, name = self._administration, self._topology.jobs.path
        properties = None if admin is None else await _allowed(admin.get_queue_runtime_properties(name))
        count, oldest = await _peeked(self._view.live(name))
        if properties is None:
            return EntityLoad(active=count, dead=await _count(self._view.dead(name)), oldest=oldest)
        return EntityLoad(
            active=properties.active_message_count,
            scheduled=properties.scheduled_message_count,
            dead=_together(properties.dead_letter_message_count, await _count(self._view.aside(name))),
            oldest=oldest,
        )

    async def _subscription(self, path: str, *, peek: bool = True) -> EntityLoad:
        topic, _, name = path.partition("/subscriptions/")
        admin = self._administration
        properties = None if admin is None else await _allowed(admin.get_subscription_runtime_properties(topic, name))
        count, oldest = await _peeked(self._view.live(path)) if peek else (None, None)
        if properties is None:
            return EntityLoad(active=count, dead=await _count(self._view.dead(path)), oldest=oldest)
        dead = _together(properties.dead_letter_message_count, await _count(self._view.aside(path)))
        return EntityLoad(active=properties.active_message_count, dead=dead, oldest=oldest)

    async def _sessions(self) -> EntityLoad:
        whole = await self._subscription(self._topology.indicators.path, peek=False)
        if whole.active == 0:
            return EntityLoad(active=0, dead=whole.dead, sessions={})
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def one(destination: str) -> tuple[str, SessionLoad | None]:
            async with at_once:
                count, oldest = await _peeked(self._view.session(destination))
            if destination in self._view.unseen().sessions or count is None:
                return destination, None
            return destination, SessionLoad(waiting=count, oldest=oldest)

        by_destination = dict(await asyncio.gather(*(one(destination) for destination in self._destinations)))
        sessions = {name: load for name, load in by_destination.items() if load is not None}
        return EntityLoad(
            active=whole.active if whole.active is not None else _sum(by_destination),
            dead=whole.dead,
            oldest=min((load.oldest for load in sessions.values() if load.oldest), default=None),
            sessions=sessions,
        )


async def _allowed(asked: Awaitable[T]) -> T | None:
    """Return the answer, or `None` where the administration refuses it."""
    try:
        return await asked
    except (AzureError, ValueError):
        return None


async def _peeked(messages: AsyncIterator[Received]) -> tuple[int | None, datetime | None]:
    """Return how many there are, `None` when there are more than are peeked, and when the oldest came."""
    count, oldest = 0, None
    async for message in messages:
        count += 1
        if oldest is None or (message.enqueued_at is not None and message.enqueued_at < oldest):
            oldest = message.enqueued_at
        if count > PEEKED:
            await _closed(messages)
            return None, oldest
    return count, oldest


async def _closed(messages: AsyncIterator[object]) -> None:
    """Let go of the receiver behind an iteration that was broken off."""
    if isinstance(messages, AsyncGenerator):
        await messages.aclose()


def _together(counted: int | None, aside: int | None) -> int | None:
    return None if counted is None or aside is None else counted + aside


async def _count(letters: AsyncIterator[DeadLetter]) -> int | None:
    """Return how many there are, `None` when there are more than are peeked."""
    count = 0
    async for _ in letters:
        count += 1
        if count > PEEKED:
            await _closed(letters)
            return None
    return count


def _sum(by_destination: dict[str, SessionLoad | None]) -> int | None:
    loads = [load for load in by_destination.values() if load is not None]
    return sum(load.waiting for load in loads) if len(loads) == len(by_destination) else None
