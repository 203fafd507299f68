"""A service as a plain process: runs until it is told to stop.

SIGTERM and SIGINT end it cleanly: what is in hand is finished.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from mti.common.network import prepare_network


def run(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run an asynchronous main with an event that is set when the process is to stop.

    Raises:
        ConfigurationError: the environment names a proxy or certificates that can't be used.
    """
    prepare_network()
    asyncio.run(_until_stopped(main))


async def _until_stopped(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await main(stop)
