"""The envelope of every message: CloudEvents 1.0 attributes as AMQP application properties.

The names follow the CloudEvents AMQP binding (prefix `cloudEvents_`,
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md); `traceparent` is W3C's.
The CloudEvents `id` says what a message *is* and never changes. The AMQP MessageId is what duplicate detection looks
at: it starts as the id, and each time that the content is sent again on purpose a suffix says so.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mti.common.errors import Poison
from mti.common.ports.bus import PropertyValue, Received
from mti.common.ports.settlement import DeadLetter

PREFIX = "cloudEvents_"
ID = f"{PREFIX}id"
SUBJECT = f"{PREFIX}subject"
TRACEPARENT = "traceparent"
RETRIES = "mti_retries"
"""How often a scheduled copy took this message's place because of a failure."""
PARKS = "mti_parks"
"""How often a scheduled copy took its place because its destination was paused."""
REPLAYS = "mti_replays"
"""How often a person sent it back from the dead-letter queue."""
REFUSAL = "mti_refusal"
"""The reason for which the whole message is to be dead-lettered when it comes (it holds only what was refused)."""
REFUSAL_DESCRIPTION = "mti_refusal_description"
REJECTED_FROM = "mti_rejected_from"
"""On a message that holds only detections that were rejected: the CloudEvents id of the chunk in whose books they are
counted as rejected. It stays when the message is replayed, and they are not counted as having come in once more."""
REPLACES = "mti_replaces"
"""On a message that a person sent with another body than a dead letter's: the CloudEvents id of what it stands for."""
REBUILT = "mti_rebuilt"
"""On what a backfill sends to a workspace that was built anew: the name of its run. The publisher uploads it once more
though its books say that the workspace holds it, once a run."""
OBJECTS = "mti_objects"
"""How many objects a message of indicators holds, for who decides whether to wait for more. Nothing else heeds it."""
REJECTED_AS = "mti_rejected_as"
"""The reason under which they are counted there."""

DESCRIPTION_LIMIT = 2048
"""Characters of a description that travel with a message; the service allows 4,096 for the dead-letter one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The CloudEvents attributes that the project uses."""

    id: str
    source: str
    type: str
    subject: str | None = None

    def properties(self) -> dict[str, PropertyValue]:
        """Return the application properties of a message with this envelope."""
        found: dict[str, PropertyValue] = {
            f"{PREFIX}specversion": "1.0",
            ID: self.id,
            f"{PREFIX}source": self.source,
            f"{PREFIX}type": self.type,
        }
        if self.subject is not None:
            found[SUBJECT] = self.subject
        return found


def envelope_of(message: Received) -> Envelope:
    """Read the envelope of a message.

    Raises:
        Poison: `MalformedEnvelope`, when an attribute is missing or not text.
    """
    found: dict[str, str] = {}
    for name in ("specversion", "id", "source", "type"):
        value = message.properties.get(PREFIX + name)
        if not isinstance(value, str) or not value:
            raise Poison(
                "MalformedEnvelope",
                f"message {message.message_id!r} has no application property {PREFIX}{name}; "
                "it was not sent by this project: find its sender, then purge it",
            )
        found[name] = value
    subject = message.properties.get(f"{PREFIX}subject")
    return Envelope(
        id=found["id"],
        source=found["source"],
        type=found["type"],
        subject=subject if isinstance(subject, str) else None,
    )


def count_of(message: Received, name: str) -> int:
    """Return one of the counters of a message (`RETRIES`, `PARKS`, `REPLAYS`); 0 where it is absent."""
    return count_in(message.properties, name)


def count_in(properties: Mapping[str, PropertyValue], name: str) -> int:
    """Return a counter out of application properties; 0 where it is absent or not a number."""
    value = properties.get(name, 0)
    return int(value) if isinstance(value, (int, float)) else 0


def refusal_of(message: Received) -> DeadLetter | None:
    """Return what a message says of itself when it holds only what was refused; `None` for any other."""
    reason = message.properties.get(REFUSAL)
    if not isinstance(reason, str) or not reason:
        return None
    return DeadLetter(reason, str(message.properties.get(REFUSAL_DESCRIPTION, "")))


_SUFFIX = {RETRIES: "r", PARKS: "p", REPLAYS: "y"}


def copy_id(message_id: str, counter: str, count: int) -> str:
    """Return the MessageId of a copy that is sent on purpose: the same, with the counter's suffix set to the count.

    `abc` becomes `abc~r1`, that `abc~r2`, and parked `abc~r2~p1`: never one that was used before, and the same one
    when the same step is taken twice, so that a crash between sending the copy and settling the original is harmless.
    """
    letter = _SUFFIX[counter]
    return re.sub(rf"~{letter}\d+", "", message_id) + f"~{letter}{count}"
