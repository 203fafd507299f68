"""How many calls are free: fixed and sliding windows, by key."""

from collections import deque
from typing import NamedTuple


class Taken(NamedTuple):
    """What a call was told."""

    allowed: bool
    remaining: int
    """Calls that are still free."""
    free_in_ms: int
    """Milliseconds until a call is free again: until the window turns, or its oldest call leaves it."""


class RateBudget:
    """Counts the calls of each key.

    A fixed window opens with the first call after the last one ended; a sliding one always looks back from now.
    Refused calls do not count.
    """

    def __init__(self, calls: int, seconds: float, *, sliding: bool = False) -> None:
        self._calls = calls
        self._span_ms = int(seconds * 1000)
        self._sliding = sliding
        self._taken: dict[str, deque[int]] = {}

    def take(self, key: str, now_ms: int) -> Taken:
        """Ask for one call."""
        taken = self._taken.setdefault(key, deque())
        self._forget(taken, now_ms)
        allowed = len(taken) < self._calls
        if allowed:
            taken.append(now_ms)
        return Taken(allowed, self._calls - len(taken), taken[0] + self._span_ms - now_ms)

    def _forget(self, taken: deque[int], now_ms: int) -> None:
        if self._sliding:
            while taken and taken[0] + self._span_ms <= now_ms:
                taken.popleft()
        elif taken and taken[0] + self._span_ms <= now_ms:
            taken.clear()
