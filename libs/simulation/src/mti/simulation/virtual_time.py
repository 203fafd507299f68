"""Time that passes only when everybody waits: an event loop that never sleeps.

Whatever is scheduled happens in its order, and between two events the clock jumps. Nothing that runs on the loop may
wait for the world outside (threads, sockets), since the loop would not wait for it.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from mti.simulation.parameters import START

T = TypeVar("T")


class Stalled(RuntimeError):
    """Everybody waits and nothing is scheduled."""


class _Jump(selectors.SelectSelector):
    """Selects without waiting, and moves the clock on by what it was to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stalled("every task waits for another one")
        self.now += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time. It begins at zero."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Return the virtual seconds."""
        return self._jump.now


class VirtualClock:
    """The clock port on the running loop's time."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        return START + timedelta(seconds=asyncio.get_running_loop().time())

    def monotonic(self) -> float:
        """Return the loop's seconds."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        if seconds > 0:
            await asyncio.sleep(seconds)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
