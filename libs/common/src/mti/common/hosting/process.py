"""A service as a plain process: runs until it is told to stop.

SIGTERM and SIGINT end it cleanly: what is in hand is finished.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from mti.common.errors import ConfigurationError
from mti.common.escaping import escaped
from mti.common.network import prepare_network

MISCONFIGURED: Final = 2
"""The exit status of a service that can't start as it is configured: to start it again changes nothing."""
_OBJECTS_UNTIL_A_COLLECTION: Final = 20_000
"""Python's 700 makes it look through what one batch holds, which is in use, again and again. Nearly all that a service
drops is freed at once, by its reference counts; what waits for a collection is so many objects at most.
"""


def serve(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run a service; where it is misconfigured, say why in one line and end the process with `MISCONFIGURED`."""
    try:
        run(main)
    except ConfigurationError as error:
        sys.stderr.write(f"{escaped(str(error))}\n")
        sys.exit(MISCONFIGURED)


def run(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run an asynchronous main with an event that is set when the process is to stop.

    Raises:
        ConfigurationError: the environment names a proxy or certificates that can't be used.
    """
    prepare_network()
    # What was imported is never garbage. Looking through it again and again took a tenth of a busy normalizer's time.
    gc.freeze()
    collect_seldom()
    asyncio.run(_until_stopped(main))


def collect_seldom() -> None:
    """Let this process look for garbage as seldom as a service does."""
    gc.set_threshold(_OBJECTS_UNTIL_A_COLLECTION)


async def _until_stopped(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await main(stop)
