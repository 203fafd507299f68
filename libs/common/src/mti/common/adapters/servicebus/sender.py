"""The sender port on the SDK: as many messages a batch as fit, every one confirmed."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC

from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
from azure.servicebus.aio import ServiceBusSender
from azure.servicebus.exceptions import MessageSizeExceededError, ServiceBusError

from mti.common.adapters.servicebus.links import (
    OPEN_SECONDS,
    SEND_SECONDS,
    answered,
    close_link,
    open_link,
    unavailable,
)
from mti.common.errors import BusUnavailable, MessageTooLarge
from mti.common.ports.bus import Outgoing
from mti.common.telemetry import sending

log = logging.getLogger(__name__)


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
        self._lock = asyncio.Lock()
        self._failures = 0

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Send all, in order; see `mti.common.ports.bus.Sender`."""
        if not messages:
            return
        with sending(self._entity, messages) as traced:
            await self._one_by_one(traced)

    async def _one_by_one(self, messages: Sequence[Outgoing]) -> None:
        failures = self._failures
        async with self._lock:
            if failures != self._failures:
                # Each of those who stand in line would else wait for its own time-out, one after the other.
                raise BusUnavailable(f"{self._entity!r}: the send before this one failed, so this one was not tried")
            try:
                await self._on_link(messages)
            except BusUnavailable as error:
                self._failures += 1
                log.warning("the bus does not answer", extra={"entity": self._entity, "why": str(error)})
                raise

    async def _on_link(self, messages: Sequence[Outgoing]) -> None:
        usable = False
        try:
            if self._sender is None:
                self._sender = self._make()
                await open_link(self._sender, self._entity)
            await self._send(self._sender, messages)
            usable = True
        except MessageSizeExceededError as error:
            usable = True  # as far as the link is concerned
            message = f"a message does not fit {self._entity!r}: {error}; cut it smaller or raise the entity's limit"
            raise MessageTooLarge(message) from error
        except ServiceBusError as error:
            raise unavailable(self._entity, "a send", error) from error
        except (OSError, ValueError) as error:
            raise BusUnavailable(f"{self._entity!r}: a send failed: {error}") from error
        finally:
            # Whatever broke it off, a cancellation too: a link of which nobody knows what it did is not used again.
            if not usable:
                await self._drop()

    async def _send(self, sender: ServiceBusSender, messages: Sequence[Outgoing]) -> None:
        batch = await self._batch(sender)
        for message in messages:
            batch = await self._add(sender, batch, to_sdk(message))
        if len(batch):
            await self._transfer(sender, batch)

    async def _batch(self, sender: ServiceBusSender) -> ServiceBusMessageBatch:
        return await answered(sender, self._entity, "a new batch", sender.create_message_batch(), OPEN_SECONDS)

    async def _transfer(self, sender: ServiceBusSender, what: ServiceBusMessage | ServiceBusMessageBatch) -> None:
        call = sender.send_messages(what, timeout=SEND_SECONDS)
        await answered(sender, self._entity, "a send", call, SEND_SECONDS)

    async def _add(
        self, sender: ServiceBusSender, batch: ServiceBusMessageBatch, message: ServiceBusMessage
    ) -> ServiceBusMessageBatch:
        try:
            batch.add_message(message)
        except MessageSizeExceededError:
            if not len(batch):
                # A lone message may pass where a batch of one, with its second envelope, does not.
                await self._transfer(sender, message)
                return batch
            await self._transfer(sender, batch)
            batch = await self._batch(sender)
            return await self._add(sender, batch, message)
        return batch

    async def _drop(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            await close_link(sender)

    async def close(self) -> None:
        """Close the link."""
        async with self._lock:
            await self._drop()
