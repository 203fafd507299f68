"""Received messages and their settlement, from the SDK's forms to the ports'."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import (
    MessageAlreadySettled,
    MessageLockLostError,
    MessageNotFoundError,
    ServiceBusError,
    SessionLockLostError,
)

from mti.common.adapters.servicebus.links import RECEIVE_SECONDS, SETTLE_SECONDS, answered, unavailable
from mti.common.adapters.servicebus.message_locks import unjudged
from mti.common.errors import LockLost
from mti.common.ports.bus import Lease, PropertyValue, Received

DESCRIPTION_LIMIT = 4096
"""Characters of a dead-letter description that the service keeps."""
_LOCKED_UNTIL: Final = b"x-opt-locked-until"
"""Milliseconds since 1970 (https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide)."""
RELEASE_SECONDS: Final = 5.0
"""For giving back what was not settled; after that the service does it when the locks run out."""


def _text(value: object) -> PropertyValue:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, (str, int, float)) else str(value)


def from_sdk(
    message: ServiceBusReceivedMessage, lease: Lease | None = None, locked_until: datetime | None = None
) -> Received:
    """Return the port's form. Property keys and texts arrive as bytes on the wire and leave as text.

    Args:
        message: the SDK's.
        lease: the lock of its session.
        locked_until: the end of that lock, as the service says; of a message without a session it is in the message.
    """
    body = message.body
    data = body if isinstance(body, bytes) else b"".join(part for part in _parts(body))
    properties = message.application_properties or {}
    return Received(
        body=data,
        message_id=message.message_id or "",
        to=message.to or "*",
        subject=message.subject,
        session_id=message.session_id,
        content_type=message.content_type or "",
        properties={str(_text(key)): _text(value) for key, value in properties.items()},
        delivery_count=message.delivery_count or 0,
        sequence_number=message.sequence_number or 0,
        enqueued_at=message.enqueued_time_utc,
        locked_until=locked_until or _locked_until(message),
        lease=lease,
    )


def _locked_until(message: ServiceBusReceivedMessage) -> datetime | None:
    """Return what the service said, which the SDK's own property does not after `unjudged`."""
    said = (message.raw_amqp_message.annotations or {}).get(_LOCKED_UNTIL)
    return datetime.fromtimestamp(said / 1000, UTC) if isinstance(said, int) and said > 0 else None


def _parts(body: object) -> Iterable[bytes]:
    if isinstance(body, Iterable):
        for part in body:
            if isinstance(part, bytes):
                yield part


async def receive(
    receiver: ServiceBusReceiver, entity: str, count: int, wait: float
) -> list[ServiceBusReceivedMessage]:
    """Return the messages that come, which may be none.

    Args:
        receiver: an open one.
        entity: what it receives from, for the error's text.
        count: messages at most.
        wait: seconds to wait for the first one.

    Raises:
        BusUnavailable, ServiceBusError: see `links.answered`.
    """
    call = receiver.receive_messages(max_message_count=count, max_wait_time=wait)
    messages = await answered(receiver, entity, "a receive", call, wait + RECEIVE_SECONDS)
    for message in messages:
        unjudged(message)
    return messages


class ReceiverSettlement:
    """Settles through the receiver that holds the locks."""

    def __init__(
        self, receiver: ServiceBusReceiver, entity: str, messages: Sequence[ServiceBusReceivedMessage]
    ) -> None:
        self._receiver = receiver
        self._entity = entity
        self._sdk = {message.sequence_number: message for message in messages}

    async def complete(self, message: Received) -> None:
        """See `mti.common.ports.settlement.Settlement`."""
        await self._settled(message, self._receiver.complete_message(self._locked(message)))

    async def abandon(self, message: Received) -> None:
        """See `mti.common.ports.settlement.Settlement`."""
        await self._settled(message, self._receiver.abandon_message(self._locked(message)))

    async def dead_letter(self, message: Received, reason: str, description: str) -> None:
        """See `mti.common.ports.settlement.Settlement`."""
        call = self._receiver.dead_letter_message(
            self._locked(message), reason=reason, error_description=description[:DESCRIPTION_LIMIT]
        )
        await self._settled(message, call)

    async def release(self) -> None:
        """Give back what is not settled, so that it comes again and does not count as a failed delivery.

        For when the bus is at fault: at the entity's limit of deliveries the service dead-letters by itself. What can't
        be given back comes when its lock runs out. It never raises.
        """
        # Released is an outcome of AMQP, which the SDK uses when it closes a receiver and offers to nobody. Service Bus
        # does not count it: see `drain_and_release_messages_async` in the SDK.
        calls = [
            self._receiver._handler.settle_messages_async(message._delivery_id, message._delivery_tag, "released")  # noqa: SLF001
            for message in self._sdk.values()
            if not message._settled and getattr(self._receiver, "_handler", None) is not None  # noqa: SLF001
        ]
        tasks = [answered(self._receiver, self._entity, "a release", call, RELEASE_SECONDS) for call in calls]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _locked(self, message: Received) -> ServiceBusReceivedMessage:
        try:
            return self._sdk[message.sequence_number]
        except KeyError:
            raise LockLost(f"message {message.message_id!r}: it is settled or given back already") from None

    async def _settled(self, message: Received, call: Coroutine[Any, Any, None]) -> None:
        what = f"the settlement of message {message.message_id!r}"
        try:
            await answered(self._receiver, self._entity, what, call, SETTLE_SECONDS)
        except (MessageLockLostError, SessionLockLostError, MessageAlreadySettled, MessageNotFoundError) as error:
            del self._sdk[message.sequence_number]
            raise LockLost(f"message {message.message_id!r}: its lock ran out before it was settled") from error
        except ServiceBusError as error:
            raise unavailable(self._entity, what, error) from error
        del self._sdk[message.sequence_number]
