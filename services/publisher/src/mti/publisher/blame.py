"""Tells a bad object from a bad destination. Pure.

**Refused.** A 400 says that the request is bad, and not whether that is for one object's sake or because every request
of this form is refused (a retired api-version, a source system that is not allowed). Objects are refused one by one,
down to a request with one object; but when one after another is refused and none is accepted in between, the objects
are innocent, and to go on would burn the whole backlog into the dead-letter queue. The words of the refusals are for
people and make no difference: they may hold a reference that is another each time.

**Failed over.** A server that answers 5xx, or a firewall that turns a request away, may do so for one object's sake or
be down. Alone neither can be told from the other; what tells is what *passes*:

- **Others pass.** The object failed alone, a request with others was taken, and the object fails again: it is set
  aside. Where nothing is left to be sent after it, it is tried a few times more instead.
- **Nothing passes.** Neither the request nor its parts, and `FAILED_LIMIT` objects in a row failed alone: it is the
  destination, and no object is blamed.

What was seen of an object is kept in the process, so that one which always comes alone is found out too, once others
have passed in between (docs/decisions/0021-one-object-that-provokes-errors.md).
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from mti.publisher.records import Item

REFUSED_LIMIT: Final = 5
"""Objects in a row, refused alone, from which on the destination is to blame."""
FAILED_LIMIT: Final = 3
"""Objects that failed alone, with nothing taken in between, from which on it is the destination."""
REMEMBERED: Final = 1000
"""Objects that failed alone, at most."""


class Suspicion:
    """Counts refusals of single objects since an object was last accepted."""

    def __init__(self, limit: int = REFUSED_LIMIT) -> None:
        self._limit = limit
        self._count = 0

    def refused(self) -> None:
        """Note that one object alone was refused."""
        self._count += 1

    def accepted(self) -> None:
        """Note that an object was accepted."""
        self._count = 0

    @property
    def strong(self) -> bool:
        """Whether the destination is to blame."""
        return self._count >= self._limit


class Provocations:
    """What a process knows of the objects that a destination failed over when they were alone."""

    def __init__(self) -> None:
        self._passed = 0
        self._seen: dict[str, int] = {}
        """How many requests had passed when the object failed alone, by its id."""
        self._row: set[str] = set()

    def passed(self, items: Sequence[Item]) -> None:
        """Note that a request was taken."""
        self._passed += 1
        self._row.clear()
        if self._seen:
            for item in items:
                self._seen.pop(item.object.id, None)

    def failed(self, item: Item) -> bool:
        """Note that an object failed alone; say whether it is to blame, since others passed since it last did."""
        before = self._seen.pop(item.object.id, None)
        if len(self._seen) >= REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._seen[item.object.id] = self._passed
        self._row.add(item.object.id)
        return before is not None and before < self._passed and not self.strong

    def passed_since(self, item: Item) -> bool:
        """Say whether a request was taken since the object failed alone."""
        return self._seen.get(item.object.id, self._passed) < self._passed

    @property
    def strong(self) -> bool:
        """Whether the destination is to blame."""
        return len(self._row) >= FAILED_LIMIT


class Fault(Enum):
    """Whose fault it is that an object did not pass alone."""

    OBJECT = auto()
    DESTINATION = auto()
    OPEN = auto()
    """That shows when others pass, or do not."""


class Blame:
    """All that a process knows of whose fault it is when objects do not pass at one destination."""

    def __init__(self) -> None:
        self._suspicion = Suspicion()
        self._provocations = Provocations()

    def passed(self, items: Sequence[Item], *, accepted: bool) -> None:
        """Note that a request was taken, and whether any of its objects was accepted."""
        if accepted:
            self._suspicion.accepted()
        self._provocations.passed(items)

    def passed_since(self, item: Item) -> bool:
        """Say whether a request was taken since the object failed alone."""
        return self._provocations.passed_since(item)

    def refused(self) -> Fault:
        """Note that an object alone was refused, and return whose fault it is."""
        self._suspicion.refused()
        return Fault.DESTINATION if self._suspicion.strong else Fault.OBJECT

    def failed(self, item: Item, *, last: bool) -> Fault:
        """Note that an object alone was failed over, and return whose fault it is.

        Args:
            item: the object.
            last: whether nothing is left that could pass after it.
        """
        if last and self._provocations.passed_since(item):
            return Fault.OBJECT
        if self._provocations.failed(item) or (last and not self._provocations.strong):
            return Fault.OBJECT
        return Fault.DESTINATION if self._provocations.strong else Fault.OPEN
