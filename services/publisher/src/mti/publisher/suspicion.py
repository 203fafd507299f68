"""Tells a bad object from a bad destination. Pure.

A 400 says that the request is bad, and not whether that is for one object's sake or because every request of this
form is refused (a retired api-version, a source system that is not allowed). Objects are refused one by one, down to
a request with one object; but when one after another is refused and none is accepted in between, the objects are
innocent, and to go on would burn the whole backlog into the dead-letter queue.

The words of the refusals are for people and make no difference: they may hold a reference that is another each time.
"""

from typing import Final

LIMIT: Final = 5
"""Objects in a row, refused alone, from which on the destination is to blame."""


class Suspicion:
    """Counts refusals of single objects since an object was last accepted."""

    def __init__(self, limit: int = LIMIT) -> None:
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
