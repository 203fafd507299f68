"""How long a workspace's messages wait for others that fill a request with them. It decides; nobody waits here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mti.common.contracts.indicators import OBJECTS_LIMIT, objects_in
from mti.common.ports.bus import Received

GATHER_SECONDS: Final = 10.0
"""The longest that messages wait for others."""
WELL_FILLED: Final = 0.92
"""The part of the room in requests that is to be used: 1,000 objects in eleven requests at most."""
AT_REST: Final = 0.1
"""The part of the longest wait for which another message is waited for while all of the budget is free."""
STEEPNESS: Final = 4.0
"""How much of the longest wait each part of the budget adds that the last minute used: a quarter of it adds all."""


@dataclass(frozen=True, slots=True)
class Filling:
    """See `mti.common.hosting.gathering.Gathering`.

    While requests are to be had, messages wait for as long as others keep coming in quick succession; the more of the
    budget is used, the longer for each next one. What fills requests well waits for nothing.

    Args:
        used: returns which part of its rate budget a session's workspace has used up, from 0 to 1.
        seconds: the longest that messages wait.
    """

    used: Callable[[str], float]
    seconds: float = GATHER_SECONDS

    def filled(self, messages: Sequence[Received]) -> int:
        """Return how many of the first messages fill requests well; the most there are, 0 where none do."""
        found = objects = 0
        for count, message in enumerate(messages, 1):
            objects += objects_in(message)
            if objects >= WELL_FILLED * OBJECTS_LIMIT * -(-objects // OBJECTS_LIMIT):
                found = count
        return found

    def quiet(self, messages: Sequence[Received]) -> float:
        """Return for how many seconds to wait for another one."""
        used = self.used(messages[0].session_id or "")
        return self.seconds * min(1.0, AT_REST + STEEPNESS * used)

    def longest(self) -> float:
        """Return for how many seconds the first of them waits at most."""
        return self.seconds
