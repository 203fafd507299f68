"""The end of a worker process, as far as it is told of it.

The platform's worker has no hook for it: it knows nothing of the message by which the host announces the end
(https://github.com/Azure/azure-functions-python-worker/blob/dev/workers/proxy_worker/dispatcher.py), and installs no
handler of signals. What comes is SIGTERM, to every process of an instance that is taken away, and the worker ends on it
at once, with what it had not told (https://github.com/Azure/azure-functions-host/issues/12007, "exited with code 143").
Where the host itself ends a worker it kills it, and nobody is told.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

log = logging.getLogger(__name__)

GRACE: Final = 15.0
"""Seconds for what is in hand to be finished: SIGKILL follows, after a time that nobody says."""
CLOSING: Final = 10.0
"""Seconds to close what is open after that."""


class Ending:
    """Lets a process finish what it has in hand when it is told to end, and ends it as it would have ended.

    Args:
        close: lets go of what is open.
    """

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        self._close = close
        self._begun = asyncio.Event()
        self._in_hand = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self._watched = False

    @property
    def has_begun(self) -> bool:
        """Whether the process was told to end: nothing new is to be begun."""
        return self._begun.is_set()

    def watch(self) -> None:
        """Listen for SIGTERM from now on; where that is not possible, nothing is different."""
        if self._watched:
            return
        self._watched = True
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._begin)

    @contextmanager
    def in_hand(self) -> Iterator[None]:
        """Keep the process from ending, for `GRACE` at the most, while the context lasts."""
        self._in_hand += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self._idle.set()

    async def rest(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._begun.wait(), seconds)

    def _begin(self) -> None:
        if self._task is None:
            self._begun.set()
            self._task = asyncio.create_task(self._end())

    async def _end(self) -> None:
        log.info("the process is told to end", extra={"in_hand": self._in_hand})
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), GRACE)
            await asyncio.wait_for(self._close(), CLOSING)
            log.info("the process ends", extra={"in_hand": self._in_hand})
        except Exception:
            log.exception("what was open could not be closed; the process ends")
        finally:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
