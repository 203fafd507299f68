"""The sender port on the SDK: as many messages a batch as fit, every one confirmed."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC

from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
from azure.servicebus.aio import ServiceBusSender
from azure.servicebus.exceptions import MessageSizeExceededError, ServiceBusError

from mti.common.errors import BusUnavailable, MessageTooLarge
from mti.common.ports.bus import Outgoing
from mti.common.telemetry import sending


def to_sdk(message: Outgoing) -> ServiceBusMessage:
    """Return the SDK's form of a message."""
    return ServiceBusMessage(
        message.body,
        message_id=message.message_id,
        to=message.to,
        subject=message.subject,
        session_id=message.session_id,
        content_type=message.content_type,
        application_properties={key: value for key, value in message.properties.items()},  # noqa: C416
        scheduled_enqueue_time_utc=message.due.astimezone(UTC) if message.due else None,
    )


class ServiceBusSenderPort:
    """Sends to one entity. Safe for concurrent use: one send at a time is on the link."""

    def __init__(self, make: Callable[[], ServiceBusSender], entity: str) -> None:
        self._make = make
        self._entity = entity
        self._sender: ServiceBusSender | None = None
        self._turn = asyncio.Lock()

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Send all, in order; see `mti.common.ports.bus.Sender`."""
        if not messages:
            return
        with sending(self._entity, messages) as traced:
            await self._in_turn(traced)

    async def _in_turn(self, messages: Sequence[Outgoing]) -> None:
        async with self._turn:
            try:
                if self._sender is None:
                    self._sender = self._make()
                await self._send(self._sender, messages)
            except MessageSizeExceededError as error:
                message = (
                    f"a message does not fit {self._entity!r}: {error}; cut it smaller or raise the entity's limit"
                )
                raise MessageTooLarge(message) from error
            except (ServiceBusError, OSError, ValueError) as error:
                await self._drop()
                message = f"sending to {self._entity!r} failed: {error}; check the namespace, its keys and its quota"
                raise BusUnavailable(message) from error

    async def _send(self, sender: ServiceBusSender, messages: Sequence[Outgoing]) -> None:
        batch = await sender.create_message_batch()
        for message in messages:
            batch = await self._add(sender, batch, to_sdk(message))
        if len(batch):
            await sender.send_messages(batch)

    async def _add(
        self, sender: ServiceBusSender, batch: ServiceBusMessageBatch, message: ServiceBusMessage
    ) -> ServiceBusMessageBatch:
        try:
            batch.add_message(message)
        except MessageSizeExceededError:
            if not len(batch):
                # A lone message may pass where a batch of one, with its second envelope, does not.
                await sender.send_messages(message)
                return batch
            await sender.send_messages(batch)
            batch = await sender.create_message_batch()
            return await self._add(sender, batch, message)
        return batch

    async def _drop(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            await sender.close()

    async def close(self) -> None:
        """Close the link."""
        async with self._turn:
            await self._drop()
