"""A look at what lies on the bus, without taking any of it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from mti.common.ports.bus import Received

DEAD_LETTER_QUEUE = "/$deadletterqueue"


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """A dead letter with what was said of it."""

    message: Received
    reason: str
    description: str


class BusView(Protocol):
    """Looks into queues, topics and subscriptions, by their paths (`raw-pages/subscriptions/normalizer`)."""

    def live(self, entity: str) -> AsyncIterator[Received]:
        """Yield what is still to be handled: active, locked and scheduled."""
        ...

    def dead(self, entity: str) -> AsyncIterator[DeadMessage]:
        """Yield the dead letters."""
        ...
