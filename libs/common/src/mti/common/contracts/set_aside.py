"""A message that was set aside: its copy in a queue of our own, where its host can't dead-letter it. Pure.

The host of Azure Functions completes a message or gives it back, and does nothing else with it
(https://learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus-trigger). So what is to be
dead-lettered is sent to the queue `set-aside`, with all that a dead letter has: body and properties as they were,
reason and description under the names that the service itself uses, and where it came from under the names below.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from mti.common.contracts.body import digest
from mti.common.contracts.envelope import DESCRIPTION_LIMIT
from mti.common.ports.bus import Outgoing, PropertyValue, Received

REASON: Final = "DeadLetterReason"
DESCRIPTION: Final = "DeadLetterErrorDescription"
"""The application properties in which the service keeps why
(https://learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues)."""
ENTITY: Final = "mti_aside_from"
"""The path of the queue or subscription that it was taken out of."""
MESSAGE_ID: Final = "mti_aside_message_id"
"""Its MessageId there. The copy has one of its own."""
TO: Final = "mti_aside_to"
"""Its `To` there."""
DELIVERIES: Final = "mti_aside_deliveries"
"""How often it was handed out before, there."""
ENQUEUED: Final = "mti_aside_enqueued"
"""When it came there, in ISO form; absent where nobody said."""
FIRST: Final = 10**15
"""What is added to its number in `set-aside` where both kinds of dead letters are shown as one: no entity that is not
partitioned numbers as many messages, and JavaScript still reads it whole."""

_OURS: Final = frozenset({ENTITY, MESSAGE_ID, TO, DELIVERIES, ENQUEUED})


def aside_of(message: Received, entity: str, reason: str, description: str) -> Outgoing:
    """Return what is sent to `set-aside` in the place of a message.

    Its MessageId follows from the message's number in its entity: who was killed between the copy and the settlement
    sends the same one again, which the bus drops, and two messages never share one.

    Args:
        message: as it came.
        entity: the path of the queue or subscription that it came out of.
        reason: a CamelCase code.
        description: a sentence to act on; what does not fit is cut off.
    """
    said: dict[str, PropertyValue] = {
        REASON: reason,
        DESCRIPTION: description[:DESCRIPTION_LIMIT],
        ENTITY: entity,
        MESSAGE_ID: message.message_id,
        TO: message.to,
        DELIVERIES: message.delivery_count,
    }
    if message.enqueued_at is not None:
        said[ENQUEUED] = message.enqueued_at.isoformat()
    return Outgoing(
        body=message.body,
        message_id=f"aside:{digest(entity, str(message.sequence_number), message.message_id)}",
        subject=message.subject,
        session_id=message.session_id,
        content_type=message.content_type,
        properties={**message.properties, **said},
    )


def entity_of(properties: Mapping[str, PropertyValue]) -> str | None:
    """Return the path of the entity that a message in `set-aside` came out of; `None` where it names none."""
    found = properties.get(ENTITY)
    return found if isinstance(found, str) and found else None


def dead_letter_in(copy: Received) -> Received:
    """Return the message that a copy stands for, as a dead-letter queue would have it, numbered from `FIRST` on."""
    says = copy.properties
    deliveries = says.get(DELIVERIES, 0)
    return replace(
        copy,
        message_id=str(says.get(MESSAGE_ID, copy.message_id)),
        to=str(says.get(TO, "*")),
        properties={name: value for name, value in says.items() if name not in _OURS},
        delivery_count=deliveries if isinstance(deliveries, int) else 0,
        sequence_number=FIRST + copy.sequence_number,
        enqueued_at=_time(says.get(ENQUEUED)) or copy.enqueued_at,
    )


def _time(text: PropertyValue | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
