"""A message as the platform hands it in, in the form of the ports. Single dispatch only: of a batch the platform leaves
empty values out, so that the ones behind them are another message's.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import azure.functions as func

from mti.common.ports.bus import Lease, PropertyValue, Received


def received_from(message: func.ServiceBusMessage, lease: Lease | None = None) -> Received:
    """Return the port's form.

    The platform counts deliveries from one. It does not say until when the lock lasts.

    Args:
        message: of a trigger with one message at a time and `data_type` binary.
        lease: the lock of its session.
    """
    return Received(
        body=message.get_body(),
        message_id=message.message_id or "",
        to=message.to or "*",
        subject=message.subject,
        session_id=message.session_id,
        content_type=message.content_type or "",
        properties=_properties(message.application_properties),
        delivery_count=max(_number(message.delivery_count, 1) - 1, 0),
        sequence_number=_number(message.sequence_number, 0),
        enqueued_at=_aware(message.enqueued_time_utc),
        lease=lease,
    )


def _properties(found: Mapping[str, object] | None) -> dict[str, PropertyValue]:
    return {
        name: value if isinstance(value, (str, int, float)) else str(value) for name, value in (found or {}).items()
    }


def _number(value: object, otherwise: int) -> int:
    """Return a number that came as JSON; the library's own types promise an `int`."""
    try:
        return int(str(value))
    except ValueError:
        return otherwise


def _aware(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(tzinfo=time.tzinfo or UTC)
