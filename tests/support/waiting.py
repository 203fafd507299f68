"""Waiting for what is to be seen.

A test that waits for a time asks how fast the machine is; one that waits for a sight asks what it came to ask. What
bounds the waiting is there only so that a fault ends, and no machine that works comes near it.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 240.0
"""Seconds that anything may take. The time-out of a whole test in `pyproject.toml` lies well above it."""
BETWEEN = 0.05
"""Seconds between two looks."""


async def until(condition: Callable[[], bool | Awaitable[bool]], *, between: float = BETWEEN) -> None:
    """Wait until the condition holds.

    Raises:
        AssertionError: it did not within `PATIENCE`.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            while not await _holds(condition):
                await asyncio.sleep(between)
    except TimeoutError:
        raise AssertionError(f"{_name(condition)} was not seen within {PATIENCE:.0f} s") from None


async def in_time(awaitable: Awaitable[T]) -> T:
    """Wait for an answer, an end or a line of a process.

    Raises:
        AssertionError: it did not come within `PATIENCE`.
    """
    try:
        return await asyncio.wait_for(awaitable, PATIENCE)
    except TimeoutError:
        raise AssertionError(f"nothing came within {PATIENCE:.0f} s") from None


async def _holds(condition: Callable[[], bool | Awaitable[bool]]) -> bool:
    found = condition()
    return await found if inspect.isawaitable(found) else found


def _name(condition: object) -> str:
    return str(getattr(condition, "__qualname__", condition))
