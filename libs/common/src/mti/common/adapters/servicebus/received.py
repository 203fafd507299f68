"""Received messages and their settlement, from the SDK's forms to the ports'."""

from collections.abc import Iterable, Sequence

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import (
    MessageAlreadySettled,
    MessageLockLostError,
    ServiceBusError,
    SessionLockLostError,
)

from mti.common.errors import BusUnavailable, LockLost
from mti.common.ports.bus import Lease, PropertyValue, Received

DESCRIPTION_LIMIT = 4096
"""Characters of a dead-letter description that the service keeps."""


def _text(value: object) -> PropertyValue:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, (str, int, float)) else str(value)


def from_sdk(message: ServiceBusReceivedMessage, lease: Lease | None = None) -> Received:
    """Return the port's form. Property keys and texts arrive as bytes on the wire and leave as text.

    Args:
        message: the SDK's.
        lease: the lock of its session.
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
        lease=lease,
    )


def _parts(body: object) -> Iterable[bytes]:
    if isinstance(body, Iterable):
        for part in body:
            if isinstance(part, bytes):
                yield part


class ReceiverSettlement:
    """Settles through the receiver that holds the locks."""

    def __init__(self, receiver: ServiceBusReceiver, messages: Sequence[ServiceBusReceivedMessage]) -> None:
        self._receiver = receiver
        self._sdk = {message.sequence_number: message for message in messages}

    async def complete(self, message: Received) -> None:
        """See `mti.common.ports.settlement.Settlement`."""
        try:
            await self._receiver.complete_message(self._sdk[message.sequence_number])
        except ServiceBusError as error:
            raise _mapped(error, message) from error

    async def abandon(self, message: Received) -> None:
        """See `mti.common.ports.settlement.Settlement`."""
        try:
            await self._receiver.abandon_message(self._sdk[message.sequence_number])
        except ServiceBusError as error:
            raise _mapped(error, message) from error

    async def dead_letter(self, message: Received, reason: str, description: str) -> None:
        """See `mti.common.ports.settlement.Settlement`."""
        try:
            await self._receiver.dead_letter_message(
                self._sdk[message.sequence_number], reason=reason, error_description=description[:DESCRIPTION_LIMIT]
            )
        except ServiceBusError as error:
            raise _mapped(error, message) from error


def _mapped(error: ServiceBusError, message: Received) -> LockLost | BusUnavailable:
    if isinstance(error, (MessageLockLostError, SessionLockLostError, MessageAlreadySettled)):
        return LockLost(f"message {message.message_id!r}: its lock ran out before it was settled")
    return BusUnavailable(f"message {message.message_id!r} could not be settled: {error}")
