"""Whether a process is at work: what it has in hand and since when, and whether the bus answered when last asked."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

STUCK: Final = 900.0
"""Seconds after which something in hand will never end: a page ends after four minutes, a message of a workspace within
ten, and every wait for the bus or a store has an end of its own."""


class Pulse:
    """Kept by what runs in a process, read by who asks whether it is well (`mti.common.hosting.health`).

    Args:
        stuck: see `STUCK`.
        now: seconds of a clock that never goes back.
    """

    def __init__(self, stuck: float = STUCK, now: Callable[[], float] = time.monotonic) -> None:
        self._limit = stuck
        self._now = now
        self._in_hand: dict[object, tuple[float, str]] = {}
        self._waits_for: str | None = "it starts, and has not reached the bus yet"

    @contextmanager
    def at(self, what: str) -> Iterator[None]:
        """Note that something is in hand while the context lasts.

        Args:
            what: people read it.
        """
        key = object()
        self._in_hand[key] = (self._now(), what)
        try:
            yield
        finally:
            del self._in_hand[key]

    def reached(self) -> None:
        """Note that the bus answered."""
        self._waits_for = None

    def missed(self, why: str) -> None:
        """Note that the bus or the store did not answer.

        Args:
            why: the words of the error, which hold no secret.
        """
        self._waits_for = why

    def stuck(self) -> str | None:
        """Return what has been in hand for longer than anything may be, or `None` when all moves."""
        if not self._in_hand:
            return None
        # In the order in which they began.
        began, what = next(iter(self._in_hand.values()))
        seconds = self._now() - began
        return f"{what} has been in hand for {seconds:.0f} s and does not end" if seconds > self._limit else None

    def waits_for(self) -> str | None:
        """Return what the process waits for before it can work, or `None` when it works."""
        return self._waits_for
