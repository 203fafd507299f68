"""A message as the broker and the storage know it: its index entry, and its body."""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class Body(NamedTuple):
    """What a client sent, without the parts that the service writes itself."""

    annotations: bytes
    """The sender's message annotations, encoded: the items of the map without its head."""
    bare: bytes
    """Properties, application properties, body sections and footer, encoded; before them, where the sender wrote what
    goes through to the receiver, the header and the delivery annotations."""


class State(IntEnum):
    """Where a message stands; the first three are the service's `x-opt-message-state`."""

    ACTIVE = 0
    """Waits to be received."""
    DEFERRED = 1
    """Set aside: only its sequence number brings it back."""
    SCHEDULED = 2
    """Waits for its time."""
    LOCKED = 3
    """With a receiver. Never stored: after a restart the message is active again."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Why and where a message was dead-lettered."""

    reason: str | None
    description: str | None
    source: str


@dataclass(slots=True, eq=False)
class MessageRecord:
    """The index entry of one message; times are milliseconds since the Unix epoch."""

    sequence: int
    body: int
    """Key of the body in the storage."""
    session_id: str | None
    state: State
    delivery_count: int
    """Deliveries that did not complete it (abandoned, deferred, or lock lost)."""
    enqueued_at: int
    ttl: int | None
    expires_at: int | None
    due_at: int | None
    """When a scheduled message becomes active."""
    size: int
    """Of its body, in bytes."""
    dead_letter: DeadLetter | None = None
    deferred: bool = False
    """Set aside: a lock that ends puts it back there, and nobody receives it unasked."""
    busy: bool = False
    """A change of this message is on its way to the disk: nobody else may take it."""
