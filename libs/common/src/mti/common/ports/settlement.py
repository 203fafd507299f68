"""What becomes of a message that was handled, and who tells the broker."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from mti.common.ports.bus import Received


@dataclass(frozen=True, slots=True)
class Complete:
    """It is done: the broker may forget it."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """It can't be handled: set it aside for a person, with a CamelCase reason and a sentence to act on."""

    reason: str
    description: str


@dataclass(frozen=True, slots=True)
class Resend:
    """Later: a scheduled copy takes its place, and the copy counts. Past the bound it is dead-lettered."""

    delay: timedelta
    reason: str
    description: str


@dataclass(frozen=True, slots=True)
class Park:
    """It waits behind a pause: a scheduled copy takes its place, without a bound, since nothing is wrong with it."""

    delay: timedelta
    reason: str


Outcome = Complete | DeadLetter | Resend | Park


class Settlement(Protocol):
    """Tells the broker what became of one message that is locked for us."""

    async def complete(self, message: Received) -> None:
        """Remove it for good.

        Raises:
            LockLost: another receiver may have it already.
        """
        ...

    async def abandon(self, message: Received) -> None:
        """Give it back at once; its delivery count rises."""
        ...

    async def dead_letter(self, message: Received, reason: str, description: str) -> None:
        """Move it to the dead-letter queue with that reason."""
        ...
