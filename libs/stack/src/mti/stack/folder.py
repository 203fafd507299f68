"""Takes a stack's folder for one run: nobody else works on it, and what is in it has today's form."""

import asyncio
import fcntl
import logging
from typing import IO, Final

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.hosting.starting import patiently
from mti.common.ports.clock import SystemClock
from mti.common.registry import Registry
from mti.operations.migration import is_needed, migrate
from mti.operations.stores import SERVICES, Stores
from mti.stack.errors import StackError
from mti.stack.layout import Layout

log = logging.getLogger(__name__)

LOCK_WAIT: Final = 15.0
"""Seconds until a stack that is ending has let go of the folder."""
STORES_WAIT: Final = 300.0
"""Seconds that somebody may keep a store to themselves."""


class TakenFolder:
    """The lock of a folder, and what is done under it before anything starts.

    Args:
        layout: the folder.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._lock: IO[str] | None = None

    async def take(self) -> None:
        """Lock the folder.

        Raises:
            StackError: another stack works on it.
        """
        self._lock = self._layout.lock.open("a+")
        deadline = asyncio.get_running_loop().time() + LOCK_WAIT
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if asyncio.get_running_loop().time() > deadline:
                    message = f"another stack works on {self._layout.root}; end it, or use another --data folder"
                    raise StackError(message) from None
                await asyncio.sleep(0.2)
            else:
                return

    async def migrate(self, registry: Registry) -> None:
        """Bring what an earlier release left into today's form, as soon as nobody keeps the stores to themselves.

        Args:
            registry: the tenants.

        Raises:
            StackError: somebody does for too long.
        """
        stop = asyncio.Event()
        end = asyncio.get_running_loop().call_later(STORES_WAIT, stop.set)
        try:
            await patiently(lambda: self._migrate(registry), stop)
        finally:
            end.cancel()
        if stop.is_set():
            raise StackError(
                f"a store in {self._layout.root} was locked for {STORES_WAIT:.0f} s; see which process has it open"
            )

    async def _migrate(self, registry: Registry) -> None:
        stores = Stores(*(packed(SqliteStore(self._layout.database(service))) for service in SERVICES))
        try:
            if await is_needed(stores):
                done = await migrate(registry, stores, SystemClock())
                log.warning(
                    "the folder was written by an earlier release and was brought into today's form: %d entries of "
                    "workspaces, %d of sources, and %d documents packed",
                    done.published,
                    done.known,
                    done.packed,
                )
        finally:
            await stores.close()

    def release(self) -> None:
        """Let others take the folder."""
        if self._lock is not None:
            self._lock.close()
