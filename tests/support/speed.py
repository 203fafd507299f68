"""Bounds on processor time that hold on any machine: they are told in seconds of one, and measured against it."""

import time

ADDITIONS = 1_000_000
THERE = 0.065
"""Seconds that so many additions take on the machine that the bounds are told for: a core of a small one, of 2026."""


def here(seconds: float) -> float:
    """Return what that much processor time there may be on this machine; never less."""
    return seconds * max(1.0, min(_additions() for _ in range(3)) / THERE)


def _additions() -> float:
    began, total = time.process_time(), 0
    for number in range(ADDITIONS):
        total += number
    return time.process_time() - began
