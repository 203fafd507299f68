"""The connection to a namespace."""

import asyncio
import ssl
from typing import Literal

from azure.core.credentials_async import AsyncTokenCredential
from azure.servicebus import ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from mti.common.adapters.servicebus.links import CLOSE_SECONDS
from mti.common.adapters.servicebus.receiver import ServiceBusReceiverPort, ServiceBusSessionPort
from mti.common.adapters.servicebus.sender import ServiceBusSenderPort
from mti.common.connection_strings import parts_of
from mti.common.logs import redaction
from mti.common.network.trust import bundle_file
from mti.common.ports.clock import Clock
from mti.common.topology import Entity


class ServiceBus:
    """One namespace. Make one a process and close it at the end."""

    def __init__(self, client: ServiceBusClient) -> None:
        self._client = client
        self._senders: dict[str, ServiceBusSenderPort] = {}

    @classmethod
    def from_connection_string(cls, connection_string: str) -> "ServiceBus":
        """Connect by a connection string; the local namespace and Microsoft's emulator give one."""
        parts = parts_of(connection_string)
        for part in ("SharedAccessKey", "SharedAccessSignature"):
            redaction.add(parts.get(part, ""))
        tls = _tls(encrypted=parts.get("UseDevelopmentEmulator") != "true")
        return cls(ServiceBusClient.from_connection_string(connection_string, ssl_context=tls))

    @classmethod
    def from_identity(cls, namespace: str, credential: AsyncTokenCredential) -> "ServiceBus":
        """Connect by a Microsoft Entra identity.

        Args:
            namespace: the full name, `NAME.servicebus.windows.net`.
            credential: who we are; needs the roles Data Sender and Data Receiver.
        """
        return cls(ServiceBusClient(namespace, credential, ssl_context=_tls()))

    def sender(self, entity: Entity) -> ServiceBusSenderPort:
        """Return the sender to the entity's queue or topic: one for each, closed with the connection."""
        if entity.name in self._senders:
            return self._senders[entity.name]

        def make() -> ServiceBusSender:
            if entity.subscription is None:
                return self._client.get_queue_sender(entity.name)
            return self._client.get_topic_sender(entity.name)

        sender = self._senders[entity.name] = ServiceBusSenderPort(make, entity.name)
        return sender

    def receiver(
        self,
        entity: Entity,
        *,
        session: str | Literal["next"] | None = None,  # noqa: PYI051  the one word that is not a session's name
        dead_letters: bool = False,
        connect_wait: float | None = None,
    ) -> ServiceBusReceiver:
        """Return a peek-lock receiver of the SDK.

        Args:
            entity: whose messages.
            session: a session's name, `next` for the next one that is free, or `None` for an entity without sessions.
            dead_letters: receive from its dead-letter queue, which has no sessions, whatever the entity has.
            connect_wait: seconds to wait for a session.
        """
        from azure.servicebus import NEXT_AVAILABLE_SESSION  # noqa: PLC0415  its type is private

        chosen = NEXT_AVAILABLE_SESSION if session == "next" else session
        sub_queue = ServiceBusSubQueue.DEAD_LETTER if dead_letters else None
        if entity.subscription is None:
            return self._client.get_queue_receiver(
                entity.name,
                session_id=chosen,
                sub_queue=sub_queue,
                max_wait_time=connect_wait,
            )
        return self._client.get_subscription_receiver(
            entity.name,
            entity.subscription,
            session_id=chosen,
            sub_queue=sub_queue,
            max_wait_time=connect_wait,
        )

    async def open_receiver(self, entity: Entity, clock: Clock) -> ServiceBusReceiverPort:
        """See `mti.common.hosting.receiving.Receivers`."""
        return await ServiceBusReceiverPort.open(self.receiver(entity), entity.path, clock)

    async def open_session(self, entity: Entity, clock: Clock, wait: float) -> ServiceBusSessionPort:
        """See `mti.common.hosting.receiving.Receivers`."""
        receiver = self.receiver(entity, session="next", connect_wait=wait)
        seconds = entity.lock.total_seconds()
        return await ServiceBusSessionPort.taken(receiver, entity.path, clock, seconds=seconds, wait=wait)

    async def close(self) -> None:
        """Close every link and connection, within seconds, whatever state they are in."""
        await asyncio.gather(*(sender.close() for sender in self._senders.values()))
        # The SDK closes what was left open, one link after the other.
        closing = asyncio.ensure_future(self._client.close())
        await asyncio.wait([closing], timeout=CLOSE_SECONDS)
        if not closing.done():
            closing.cancel()
            await asyncio.wait([closing], timeout=CLOSE_SECONDS)


def _tls(*, encrypted: bool = True) -> ssl.SSLContext | None:
    """Return the trust that all links share; `None` is the SDK's own list of authorities.

    The SDK would read the authorities anew for each link, which takes 20 ms of the processor: a fetcher has 20 links.

    Args:
        encrypted: whether TLS is spoken: not so with an emulator, where the SDK asks for a trust and does not use it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if encrypted:
        if (bundle := bundle_file()) is None:
            return None
        context.load_verify_locations(bundle)
    return context
