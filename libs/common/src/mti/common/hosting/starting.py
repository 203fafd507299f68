"""Starting while a bus or a store does not answer yet: a process waits for it, and does not end over it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from mti.common.errors import Unavailable

log = logging.getLogger(__name__)

AGAIN: Final = 2.0
"""Seconds before what did not answer is tried again."""

T = TypeVar("T")


async def patiently(begin: Callable[[], Awaitable[T]], stop: asyncio.Event, *, again: float = AGAIN) -> T | None:
    """Do what `begin` does, again and again while our own bus or store is not available; say so when that changes.

    Args:
        begin: makes everything anew each time.
        stop: ends the waiting.
        again: see `AGAIN`.

    Returns:
        What `begin` returned; `None` when it was told to stop before.
    """
    said = ""
    while True:
        try:
            return await begin()
        except Unavailable as error:
            if stop.is_set():
                return None
            if error.description != said:
                said = error.description
                log.warning("what this process needs does not answer, and is waited for: %s", said)
        try:
            await asyncio.wait_for(stop.wait(), again)
        except TimeoutError:
            continue
        return None
