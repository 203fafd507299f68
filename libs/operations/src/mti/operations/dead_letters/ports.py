"""What the work needs of the bus."""

from collections.abc import AsyncIterator, Collection
from typing import Protocol

from mti.common.ports.bus import Sender
from mti.common.topology import Entity
from mti.operations.bus import DeadLetter


class DeadLetterQueue(Protocol):
    """The dead letters of one queue or subscription, and the way back into it."""

    @property
    def entity(self) -> Entity:
        """Whose dead letters they are."""
        ...

    @property
    def sender(self) -> Sender:
        """Sends to the queue, or to the topic of the subscription."""
        ...

    def letters(self, *, after: int = 0) -> AsyncIterator[DeadLetter]:
        """Yield the dead letters in the order of their sequence numbers, from beyond `after`; takes and locks nothing.

        Raises:
            BusUnavailable: the broker does not answer.
        """
        ...

    async def read(self, sequences: Collection[int]) -> list[DeadLetter]:
        """Return those of the sequence numbers that are there, in order; takes and locks nothing.

        Raises:
            BusUnavailable: the broker does not answer.
        """
        ...

    async def complete(self, sequences: Collection[int]) -> set[int]:
        """Remove those dead letters for good; return those that are still there, since somebody else holds them.

        Raises:
            BusUnavailable: the broker does not answer; some may be gone.
        """
        ...
