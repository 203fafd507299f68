"""Tells a bad object from a bad destination. Pure.

A 400 says that the request is bad, and not whether that is for one object's sake or because every request of this
form is refused (a retired api-version, a source system that is not allowed). Objects are refused one by one, down to
a request with one object; but when one after another is refused in the same words and none passes in between, the
objects are innocent, and to go on would burn the whole backlog into the dead-letter queue.
"""

import re
from typing import Final

LIMIT: Final = 5
"""Objects in a row, refused alone and in the same words, from which on the destination is to blame."""

_VARIES = re.compile(r"[0-9a-f]{8}[0-9a-f-]*|\d+", re.IGNORECASE)


class Suspicion:
    """Counts refusals of single objects since the last request that was taken."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._words = ""
        self._count = 0

    def refused(self, text: str) -> None:
        """Note that one object alone was refused with that text; ids and numbers in it make no difference."""
        words = _VARIES.sub("#", text)
        self._count = self._count + 1 if words == self._words else 1
        self._words = words

    def accepted(self) -> None:
        """Note that a request was taken."""
        self._count = 0

    @property
    def strong(self) -> bool:
        """Whether the destination is to blame."""
        return self._count >= self._limit
