"""A namespace with the real SDK connected to it, and how tests talk to both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from servicebus_local import Namespace, NamespaceProcess
from tests.support.waiting import PATIENCE

WAIT = PATIENCE
"""Seconds that a receive may take on a busy machine; nothing waits that long when all is well."""
NOTHING = 0.3
"""Seconds after which we believe that nothing comes."""


class Bus:
    """A running namespace and a client of it.

    The SDK takes half a second to open or close a link, so links are opened ahead and closed in the background.
    """

    def __init__(self, namespace: Namespace | NamespaceProcess, client: ServiceBusClient) -> None:
        self.namespace = namespace
        self.client = client
        self._senders: dict[str, asyncio.Task[ServiceBusSender]] = {}
        self._receivers: dict[str, asyncio.Task[ServiceBusReceiver]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def open_ahead(self, destination: str, *, receiver: bool) -> None:
        """Open a sender, and perhaps a receiver, which a test will need."""
        sender = self.client.get_queue_sender(destination, keep_alive=0)
        self._senders[destination] = asyncio.create_task(sender.__aenter__())
        if receiver:
            opening = self.client.get_queue_receiver(destination).__aenter__()
            self._receivers[destination] = asyncio.create_task(opening)

    async def send(self, to: str, *messages: ServiceBusMessage | str) -> None:
        """Send messages one by one; text becomes a message with that body."""
        sender = await self.sender(to)
        for message in messages:
            await sender.send_messages(ServiceBusMessage(message) if isinstance(message, str) else message)

    async def sender(self, to: str) -> ServiceBusSender:
        """The open sender to a queue or topic."""
        if to not in self._senders:
            self.open_ahead(to, receiver=False)
        return await self._senders[to]

    @asynccontextmanager
    async def receiver(self, queue: str, **options: Any) -> AsyncIterator[ServiceBusReceiver]:
        """A receiver of a queue."""
        ready = None if options else self._receivers.pop(queue, None)
        receiver = self.client.get_queue_receiver(queue, **options) if ready is None else await ready
        async with self._closed_later(receiver):
            yield receiver

    @asynccontextmanager
    async def subscriber(self, topic: str, subscription: str, **options: Any) -> AsyncIterator[ServiceBusReceiver]:
        """A receiver of a subscription."""
        async with self._closed_later(
            self.client.get_subscription_receiver(topic, subscription, **options)
        ) as receiver:
            yield receiver

    @asynccontextmanager
    async def _closed_later(self, receiver: ServiceBusReceiver) -> AsyncIterator[ServiceBusReceiver]:
        try:
            yield await receiver.__aenter__()
        finally:
            self._closing.add(asyncio.create_task(receiver.close()))

    async def close(self) -> None:
        """Close all that is open."""
        opened = await asyncio.gather(*self._senders.values(), *self._receivers.values(), return_exceptions=True)
        links = [link for link in opened if not isinstance(link, BaseException)]
        await asyncio.gather(*self._closing, *(link.close() for link in links))
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
