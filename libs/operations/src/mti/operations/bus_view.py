"""A look at what lies on the bus, without taking any of it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mti.common.ports.bus import Received

DEAD_LETTER_QUEUE = "/$deadletterqueue"
REASON = "DeadLetterReason"
DESCRIPTION = "DeadLetterErrorDescription"
"""The application properties in which the service keeps why
(https://learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues)."""


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """A dead letter with what was said of it."""

    message: Received
    reason: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """What a look could not see."""

    scheduled: Mapping[str, int | None] = field(default_factory=dict)
    """Messages of a topic that wait for their time, by the topic's path; `None` is an unknown number."""
    sessions: frozenset[str] = frozenset()
    """Destinations whose messages somebody else had in hand."""
    notes: Sequence[str] = ()
    """The same in sentences."""


class BusView(Protocol):
    """Looks into queues, topics and subscriptions, by their paths (`raw-pages/subscriptions/normalizer`)."""

    def live(self, entity: str) -> AsyncIterator[Received]:
        """Yield what is still to be handled: active, locked and scheduled."""
        ...

    def dead(self, entity: str) -> AsyncIterator[DeadMessage]:
        """Yield the dead letters."""
        ...

    def unseen(self) -> Unseen:
        """Return what the looks so far could not see."""
        ...
