"""The SDK's two faces, synchronous and asynchronous, behind one: `await sdk.do(receiver.complete_message, message)`."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import azure.servicebus as synchronous
import azure.servicebus.aio as asynchronous
import azure.servicebus.aio.management as asynchronous_management
import azure.servicebus.management as synchronous_management
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage

from servicebus_local.pytest_plugin import ServiceBusNamespace
from servicebus_local.transports import AsyncPlainTransport, PlainTransport
from tests.support.waiting import PATIENCE

WAIT = PATIENCE
NOTHING = 0.5
_NUMBERS = itertools.count(1)


class Sdk:
    """A messaging client and an administration client of one kind; `options` are the messaging client's."""

    def __init__(
        self,
        namespace: ServiceBusNamespace,
        *,
        asynchronously: bool,
        connection_string: str | None = None,
        **options: Any,
    ) -> None:
        self.asynchronously = asynchronously
        self.namespace = namespace
        messaging, management = (
            (asynchronous, asynchronous_management) if asynchronously else (synchronous, synchronous_management)
        )
        text = namespace.connection_string
        self.client: Any = messaging.ServiceBusClient.from_connection_string(
            connection_string or text, retry_total=0, **options
        )
        transport: Any = AsyncPlainTransport() if asynchronously else PlainTransport()
        self.admin: Any = management.ServiceBusAdministrationClient.from_connection_string(text, transport=transport)
        self.renewer: Any = messaging.AutoLockRenewer

    async def do(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call a method of the SDK."""
        if self.asynchronously:
            return await call(*arguments, **options)
        return await asyncio.to_thread(call, *arguments, **options)

    async def all(self, pages: Any) -> list[Any]:
        """Everything that an iterable of the SDK gives."""
        if self.asynchronously:
            return [each async for each in pages]
        return await asyncio.to_thread(list, pages)

    async def close(self) -> None:
        """Close both clients."""
        await self.do(self.client.close)
        await self.do(self.admin.close)

    @asynccontextmanager
    async def opened(self, link: Any) -> AsyncIterator[Any]:
        """Open a sender or receiver."""
        await self.do(link.__aenter__ if self.asynchronously else link.__enter__)
        try:
            yield link
        finally:
            await self.do(link.close)

    async def queue(self, **properties: Any) -> str:
        """Create a queue; returns its name."""
        name = f"queue-{'aio' if self.asynchronously else 'sync'}-{next(_NUMBERS)}"
        await self.do(self.admin.create_queue, name, **properties)
        return name

    async def topic(self, *subscriptions: str, **properties: Any) -> str:
        """Create a topic with subscriptions; returns its name."""
        name = f"topic-{'aio' if self.asynchronously else 'sync'}-{next(_NUMBERS)}"
        await self.do(self.admin.create_topic, name, **properties)
        for subscription in subscriptions:
            await self.do(self.admin.create_subscription, name, subscription)
        return name

    async def send(self, queue: str, *messages: ServiceBusMessage | str, topic: bool = False) -> None:
        """Send messages; text becomes a message with that body."""
        link = self.client.get_topic_sender(queue) if topic else self.client.get_queue_sender(queue)
        async with self.opened(link) as sender:
            for each in messages:
                await self.do(sender.send_messages, ServiceBusMessage(each) if isinstance(each, str) else each)

    @asynccontextmanager
    async def receiver(self, queue: str, **options: Any) -> AsyncIterator[Any]:
        """A receiver of a queue, or of a subscription given as `topic/subscription`."""
        topic, _, subscription = queue.partition("/")
        link = (
            self.client.get_subscription_receiver(topic, subscription, **options)
            if subscription
            else self.client.get_queue_receiver(queue, **options)
        )
        async with self.opened(link) as receiver:
            yield receiver

    async def receive(self, receiver: Any, count: int = 1, wait: float = WAIT) -> list[ServiceBusReceivedMessage]:
        """Receive that many messages, however many calls it takes."""
        found: list[ServiceBusReceivedMessage] = []
        while len(found) < count:
            more = await self.do(receiver.receive_messages, count - len(found), max_wait_time=wait)
            if not more:
                break
            found += more
        return found

    async def active(self, queue: str) -> int:
        """How many messages are active in a queue, or in a subscription given as `topic/subscription`."""
        if queue.startswith("topic-"):
            topic, _, subscription = queue.partition("/")
            found = await self.do(self.admin.get_subscription_runtime_properties, topic, subscription)
        else:
            found = await self.do(self.admin.get_queue_runtime_properties, queue)
        return int(found.active_message_count)


def bodies(messages: list[ServiceBusReceivedMessage]) -> list[str]:
    """The bodies as text."""
    return [str(message) for message in messages]
