"""A namespace with the real SDK connected to it, and how tests talk to both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from mti.local.namespace import Namespace

WAIT = 20.0
"""Seconds that a receive may take on a busy machine; nothing waits that long when all is well."""
NOTHING = 0.3
"""Seconds after which we believe that nothing comes."""


@dataclass
class Bus:
    """A running namespace and a client of it."""

    namespace: Namespace
    client: ServiceBusClient
    senders: dict[str, ServiceBusSender] = field(default_factory=dict)
    closing: set["asyncio.Task[None]"] = field(default_factory=set)

    async def send(self, to: str, *messages: ServiceBusMessage | str) -> None:
        """Send messages one by one; text becomes a message with that body."""
        sender = await self.sender(to)
        for message in messages:
            await sender.send_messages(ServiceBusMessage(message) if isinstance(message, str) else message)

    async def sender(self, to: str) -> ServiceBusSender:
        """The open sender to a queue or topic."""
        if to not in self.senders:
            self.senders[to] = self.client.get_queue_sender(to, keep_alive=0)
            await self.senders[to].__aenter__()
        return self.senders[to]

    @asynccontextmanager
    async def receiver(self, queue: str, **options: Any) -> AsyncIterator[ServiceBusReceiver]:
        """A receiver that is closed in the background: the SDK takes a second for it."""
        receiver = self.client.get_queue_receiver(queue, **options)
        async with self._closed_later(receiver):
            yield receiver

    @asynccontextmanager
    async def subscriber(self, topic: str, subscription: str, **options: Any) -> AsyncIterator[ServiceBusReceiver]:
        """A receiver of a subscription that is closed in the background."""
        receiver = self.client.get_subscription_receiver(topic, subscription, **options)
        async with self._closed_later(receiver):
            yield receiver

    @asynccontextmanager
    async def _closed_later(self, receiver: ServiceBusReceiver) -> AsyncIterator[None]:
        try:
            await receiver.__aenter__()
            yield
        finally:
            self.closing.add(asyncio.create_task(receiver.close()))

    async def close(self) -> None:
        """Close all that is open."""
        await asyncio.gather(*self.closing)
        await self.client.close()

    async def stats(self, entity: str) -> dict[str, Any]:
        """The counts of an entity, over HTTP."""
        counts: dict[str, Any] = (await self.http("GET", "/stats"))[entity]
        return counts

    async def http(self, method: str, path: str) -> Any:
        """Call the administration."""
        url = f"http://127.0.0.1:{self.namespace.http_port}{path}"
        async with aiohttp.ClientSession() as session, session.request(method, url) as response:
            assert response.status == 200
            return await response.json()


Serve = Callable[..., Awaitable[Bus]]
"""Starts a namespace: `await serve(queues={...}, topics={...})`."""


async def receive(receiver: Any, count: int = 1, wait: float = WAIT) -> list[ServiceBusReceivedMessage]:
    """Receive that many messages, however many calls it takes."""
    found: list[ServiceBusReceivedMessage] = []
    while len(found) < count:
        more = await receiver.receive_messages(count - len(found), max_wait_time=wait)
        if not more:
            break
        found.extend(more)
    return found


def bodies(messages: list[ServiceBusReceivedMessage]) -> list[str]:
    """The bodies as text."""
    return [str(message) for message in messages]
