"""A service as a plain process: runs until it is told to stop, and never outlives who started it.

SIGTERM and SIGINT end it cleanly: what is in hand is finished. With `MTI_LIFELINE=stdin` the process also watches its
standard input, and ends at once when the other end is gone: a stack whose parent is killed leaves no orphan behind
that would go on working on the same data.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable

LIFELINE = "MTI_LIFELINE"
ORPHANED = 70
"""The exit status of a process whose parent went away (EX_SOFTWARE of sysexits.h)."""


def run(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run an asynchronous main with an event that is set when the process is to stop."""
    if os.environ.get(LIFELINE) == "stdin":
        threading.Thread(target=_watch_lifeline, daemon=True, name="lifeline").start()
    asyncio.run(_until_stopped(main))


async def _until_stopped(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await main(stop)


def _watch_lifeline() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(ORPHANED)
