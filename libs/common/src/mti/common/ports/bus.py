"""The bus: what a handler sends and what it is handed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

PropertyValue = str | int | bool | float
"""What an application property may hold here: the JSON scalars that AMQP has types for."""


# Frozen by its types: a chunk makes some for each workspace, and `frozen=True` would take three times as long.
@dataclass(slots=True, kw_only=True)
class Outgoing:
    """A message to be sent. The body is opaque here: contracts are made in `mti.common.contracts`."""

    body: Final[bytes]
    message_id: Final[str]
    to: Final[str] = "*"
    subject: Final[str | None] = None
    session_id: Final[str | None] = None
    content_type: Final[str] = "application/json"
    properties: Final[Mapping[str, PropertyValue]] = field(default_factory=dict)
    due: Final[datetime | None] = None
    """When the broker is to hand it out; `None` is now."""


class Lease(Protocol):
    """A lock that runs out unless it is renewed: of the session that a message belongs to."""

    def remaining(self) -> float:
        """Return for how many seconds from now it is surely ours; zero when it may be another's."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message as a handler gets it, whatever host received it."""

    body: bytes
    message_id: str
    to: str = "*"
    subject: str | None = None
    session_id: str | None = None
    content_type: str = "application/json"
    properties: Mapping[str, PropertyValue] = field(default_factory=dict)
    delivery_count: int = 0
    """How often it was handed out before this time."""
    sequence_number: int = 0
    enqueued_at: datetime | None = None
    """When it came into the queue, of what was scheduled when it was due: by the bus's clock it is later now."""
    locked_until: datetime | None = None
    """When it was handed out it was not as late as this, by the bus's clock."""
    lease: Lease | None = field(default=None, compare=False, repr=False)
    """Of its session, by which it may be handled; `None` where there is none to lose."""

    def copy(
        self,
        *,
        message_id: str,
        to: str | None = None,
        properties: Mapping[str, PropertyValue] | None = None,
        due: datetime | None = None,
    ) -> Outgoing:
        """Return the same content to be sent on purpose once more, under a MessageId that says so."""
        return Outgoing(
            body=self.body,
            message_id=message_id,
            to=self.to if to is None else to,
            subject=self.subject,
            session_id=self.session_id,
            content_type=self.content_type,
            properties={**self.properties, **(properties or {})},
            due=due,
        )


class Sender(Protocol):
    """Sends to one entity (a queue or a topic)."""

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Send all of them, in order, and return when the broker has confirmed every one.

        When it raises, some may have been taken: the caller sends all again, and their MessageIds make that harmless.

        Raises:
            MessageTooLarge: a message does not fit the entity, alone.
            BusUnavailable: the broker could not be reached or did not confirm.
        """
        ...
