"""A bound on how many values of an attribute a metric knows: a series is paid for, every minute, for ever."""

from typing import Final

OTHER: Final = "other"


class Bounded:
    """Lets the first `limit` values pass; every further one is `other`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: set[str] = set()

    def of(self, value: str) -> str:
        """Return the value, or `other`."""
        if value in self._known:
            return value
        if len(self._known) >= self._limit:
            return OTHER
        self._known.add(value)
        return value
