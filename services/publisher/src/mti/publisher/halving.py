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
from mti.publisher.records import Item
from mti.publisher.sentinel import Accepted

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


class Search:
    """The search in one request's objects: its parts, and what was found of them."""

    def __init__(self, parts: Sequence[Sequence[Item]], rng: random.Random) -> None:
        self._waiting = Halving(parts)
        self._rng = rng
        self._alone: list[tuple[Item, str]] = []
        self._guilty: list[tuple[Item, str]] = []
        self._suspects: list[Item] = []
        self._pause: Pause | None = None
        self.single = sum(len(part) for part in parts) == 1
        """Whether there is one object in all."""
        self.passed = False
        """Whether a request was taken."""
        self.last = False
        """Whether the part at hand is a suspect that is tried once more."""
        self._halved = 0
        self._largest = 0

    def part(self) -> list[Item] | None:
        """Return what to send next: parts first, then what failed alone, if anything else passed; `None` at the end."""
        if (part := self._waiting.take()) is not None:
            return list(part)
        if self._suspects and self.passed:
            self.last = True
            return [self._suspects.pop()]
        return None

    @property
    def undecided(self) -> Pause | None:
        """The pause that follows when objects failed alone and nothing passed."""
        return None if self.passed else self._pause

    def halve(self, part: list[Item]) -> None:
        """Try the halves of a part instead."""
        # Shuffled, so that neighbours of one kind do not look like a destination that refuses everything.
        self._rng.shuffle(part)
        self._waiting.halve(part)
        self._halved = max(self._halved, len(part))

    def taken(self, part: Sequence[Item], answer: Accepted) -> Taken:
        """Note that a part was taken, and return what that settles."""
        self.passed = True
        self._largest = max(self._largest, len(part))
        accepted = [item for index, item in enumerate(part) if index not in answer.refused]
        refused = [
            (item, "; ".join(answer.refused[index])) for index, item in enumerate(part) if index in answer.refused
        ]
        alone, self._alone = self._alone, []
        return Taken(accepted, [*alone, *refused])

    def refused(self, item: Item, text: str) -> None:
        """Note that an object alone was refused."""
        self._alone.append((item, text))
        self._halved = 0

    def suspect(self, item: Item, pause: Pause) -> None:
        """Note that an object failed alone, and the pause that follows if that is the destination's fault."""
        self._suspects.append(item)
        self._pause = pause

    def guilty(self, item: Item, text: str) -> None:
        """Note that an object is to be set aside, since it fails alone while others pass."""
        self._guilty.append((item, text))
        self._halved = 0

    def set_aside(self) -> Taken | None:
        """Return the objects that are to blame, once."""
        guilty, self._guilty = self._guilty, []
        return Taken((), guilty) if guilty else None

    def rest(self) -> Taken | None:
        """Return what was refused alone after the last part that was taken."""
        alone, self._alone = self._alone, []
        return Taken((), alone) if alone else None

    @property
    def room(self) -> int | None:
        """The size of a request that passes where larger ones failed and no object was to blame; else `None`."""
        return self._largest if 0 < self._largest < self._halved else None


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

    def learnt(self, size: int | None) -> None:
        """Note the size that passed where a larger one did not."""
        if size is not None:
            self._size = size
            self._until = self._clock.monotonic() + ROOM_FOR / timedelta(seconds=1)
