"""Messages of any state as JSON, for whoever peeks into an entity without taking anything from it."""

import base64
from datetime import UTC, datetime
from typing import Any

from servicebus_local.broker.broker import Broker
from servicebus_local.messages.incoming import decode_stored
from servicebus_local.record import MessageRecord

LIMIT = 500
"""Messages a page, at the most."""


def messages(broker: Broker, entity: str, after: int, limit: int) -> list[dict[str, Any]]:
    """Return the messages of an entity from beyond a sequence number, in order; of a topic, those it holds back.

    Args:
        broker: whose.
        entity: a path such as `raw-pages/subscriptions/normalizer` or `fetch-jobs/$deadletterqueue`.
        after: the sequence number of the last message that is known; 0 for none.
        limit: how many.

    Raises:
        EntityNotFound: there is no such entity.
    """
    named = broker.entity(entity)
    queue = named.queue or (named.destination.holding if named.destination else None)
    if queue is None:
        return []
    numbers = broker.store.tables.sequences(queue.id, after + 1, min(limit, LIMIT), None)
    records = [queue.records[number] for number in numbers if number in queue.records]
    return [_document(broker, record) for record in records]


def _document(broker: Broker, record: MessageRecord) -> dict[str, Any]:
    message = decode_stored(broker.store.body(record))
    properties = dict(message.application_properties)
    if record.dead_letter is not None:
        properties["DeadLetterReason"] = record.dead_letter.reason or ""
        properties["DeadLetterErrorDescription"] = record.dead_letter.description or ""
    return {
        "sequence_number": record.sequence,
        "state": record.state.name.lower(),
        "message_id": message.message_id or "",
        "to": message.to,
        "subject": message.label,
        "session_id": record.session_id,
        "enqueued_at": datetime.fromtimestamp(record.enqueued_at / 1000, UTC).isoformat(),
        "delivery_count": record.delivery_count,
        "properties": {key: value for key, value in properties.items() if isinstance(value, (str, int, float))},
        "body": base64.b64encode(message.data).decode(),
    }
