"""The port to the bus for whoever looks at it, and takes nothing."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mti.common.ports.bus import Received
from mti.operations.bus.dead_letter import DeadLetter
from mti.operations.bus.loads import BusLoads


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """What could not be seen."""

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

    def dead(self, entity: str, *, after: int = 0) -> AsyncIterator[DeadLetter]:
        """Yield the dead letters from beyond a sequence number, in its order."""
        ...

    def unseen(self) -> Unseen:
        """Return what could not be seen of what was asked for so far."""
        ...

    async def loads(self) -> BusLoads:
        """Measure all entities of the project, without reading every message.

        Raises:
            BusUnavailable: the broker does not answer.
        """
        ...
