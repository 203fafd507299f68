"""Looks for the objects that a request fails for, by halves, down to one. Pure.

Whose fault it is that one fails, the object's or the destination's, is told by `blame`.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from mti.common.errors import Pause
from mti.common.halving import Halving
from mti.common.ports.clock import Clock
from mti.common.registry import Destination
from mti.publisher import reasons
from mti.publisher.blame import Blame, Fault
from mti.publisher.records import Item
from mti.publisher.sentinel import Accepted, BadRequest, Blocked, TooLarge, Unavailable

TRIES: Final = 3
"""Answered failures of a request after which its halves are tried."""
LAST_TRIES: Final = 5
"""Of an object that failed alone when there is nothing left that could pass after it."""
ROOM_FOR: Final = timedelta(minutes=10)
"""How long it is remembered that a destination takes small requests only."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one request settled."""

    accepted: Sequence[Item]
    refused: Sequence[tuple[Item, str]]
    """With Sentinel's words."""


class Room:
    """How many objects a destination takes in a request, as far as its answers tell."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._size = 0
        self._until = 0.0

    def parts(self, items: Sequence[Item]) -> list[list[Item]]:
        """Return the objects in parts that are likely to pass."""
        size = self._size if self._clock.monotonic() < self._until else len(items)
        return [list(items[start : start + size]) for start in range(0, len(items), max(1, size))]

    def learnt(self, size: int) -> None:
        """Note the size that passed where a larger one did not."""
        self._size = size
        self._until = self._clock.monotonic() + ROOM_FOR / timedelta(seconds=1)


class Search:
    """The search in one request's objects: what to send next, and what each answer settles.

    Args:
        items: the objects.
        destination: where they go.
        blame: what is known of whose fault it is there when objects do not pass.
        room: how much it takes at a time.
        rng: shuffles what is halved.
    """

    def __init__(
        self, items: Sequence[Item], destination: Destination, blame: Blame, room: Room, rng: random.Random
    ) -> None:
        self._destination = destination
        self._blame = blame
        self._waiting = Halving(room.parts(items))
        self._room = room
        self._rng = rng
        self._alone: list[tuple[Item, str]] = []
        self._suspects: list[Item] = []
        self._pause: Pause | None = None
        self._single = len(items) == 1
        self._last = False
        """Whether the part at hand is a suspect that is tried once more."""
        self._halved = 0
        self._largest = 0
        self.passed = False
        """Whether a request was taken."""

    def part(self) -> Sequence[Item] | None:
        """Return what to send next: parts first, then what failed alone, if anything else passed; `None` at the end."""
        if (part := self._waiting.take()) is not None:
            return part
        if self._suspects and self.passed:
            self._last = True
            return [self._suspects.pop()]
        return None

    def failures_answered(self, part: Sequence[Item]) -> int | None:
        """Return after how many answers of 5xx a part is to be judged; `None`: after as many as there are tries."""
        if self._last:
            return 1 if self._blame.passed_since(part[0]) else LAST_TRIES
        return None if self._single else TRIES

    def answered(
        self, part: Sequence[Item], answer: Accepted | BadRequest | TooLarge | Blocked | Unavailable
    ) -> Taken | None:
        """Take in an answer, and return what it settles.

        Raises:
            Pause: it is the destination's fault, and no object's.
        """
        if isinstance(answer, Accepted):
            return self._taken(part, answer)
        if len(part) > 1:
            self._halve(part)
            return None
        if isinstance(answer, (BadRequest, TooLarge)):
            self._refused(part[0], answer.text)
            return None
        return self._failed(part[0], answer)

    def finish(self) -> Taken | None:
        """Return what was refused alone after the last part that was taken.

        Raises:
            Pause: objects failed alone and nothing passed.
        """
        if self._pause is not None and not self.passed:
            raise self._pause
        if 0 < self._largest < self._halved:
            # Larger ones failed where it passed, and no object was to blame.
            self._room.learnt(self._largest)
        return Taken((), self._alone) if self._alone else None

    def _taken(self, part: Sequence[Item], answer: Accepted) -> Taken:
        self.passed = True
        self._largest = max(self._largest, len(part))
        self._blame.passed(part, accepted=len(answer.refused) < len(part))
        alone, self._alone = self._alone, []
        if not answer.refused:
            return Taken(part, alone)
        accepted = [item for index, item in enumerate(part) if index not in answer.refused]
        refused = [
            (item, "; ".join(answer.refused[index])) for index, item in enumerate(part) if index in answer.refused
        ]
        return Taken(accepted, [*alone, *refused])

    def _halve(self, part: Sequence[Item]) -> None:
        # Shuffled, so that neighbours of one kind do not look like a destination that refuses everything.
        shuffled = list(part)
        self._rng.shuffle(shuffled)
        self._waiting.halve(shuffled)
        self._halved = max(self._halved, len(part))

    def _refused(self, item: Item, text: str) -> None:
        if self._blame.refused() is Fault.DESTINATION:
            raise reasons.refused_requests(self._destination, text)
        self._alone.append((item, text))
        self._halved = 0

    def _failed(self, item: Item, answer: Blocked | Unavailable) -> Taken | None:
        fault = self._blame.failed(item, last=self._last)
        if fault is Fault.OBJECT:
            self._halved = 0
            return Taken((), [(item, f"fails alone, with {answer.text}, while others are accepted")])
        pause = reasons.failures(self._destination, answer)
        if fault is Fault.DESTINATION:
            raise pause
        self._suspects.append(item)
        self._pause = pause
        return None
