"""The host of one service in a function app. It loads next to nothing until there is something to do."""

import asyncio
import importlib
import logging
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Final

import azure.functions as func

from mti.functions.ending import Ending

if TYPE_CHECKING:
    from mti.functions.service import Service

log = logging.getLogger(__name__)


class Ends(Exception):
    """The process is told to end: what came meanwhile is given back at once."""


SERVICES: Final = ("fetcher", "normalizer", "publisher")


class Host:
    """Runs one service on what the platform hands in.

    A function that returns has its message completed. One that raises has it given back, which is handed out again at
    once with a higher delivery count
    (https://learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus-trigger). So nothing raises for a
    message's sake: a retry, a pause or a dead letter is a copy that the bus has confirmed. Only where the bus or the
    store is not there to take one does it raise, and holds the message before it does, so that the delivery count
    outlasts the outage.

    Args:
        service: its name: `fetcher`, `normalizer`, `publisher`.
        hold: seconds for which a message is held before it is given back; `mti.common.topology.HOLD` when not given.
    """

    def __init__(self, service: str, *, hold: float | None = None) -> None:
        if service not in SERVICES:
            raise ValueError(f"{service!r} is no service; there are {', '.join(SERVICES)}")
        self.name = service
        self._hold = hold
        self._opening = asyncio.Lock()
        self._service: Service | None = None
        self._context: AbstractAsyncContextManager[Service] | None = None
        self._ending = Ending(self._close)

    async def handle(self, message: func.ServiceBusMessage, context: func.Context) -> None:
        """Handle a message, and return when it may be completed.

        Raises:
            Exception: it is to be given back; it was held for `mti.common.topology.HOLD` already, or the process ends.
        """
        with self._ending.in_hand():
            try:
                service = await self.service()
                await service.handle(message, context.trace_context.trace_parent)
            except Ends:
                raise
            except Exception as error:
                from mti.common.topology import HOLD  # noqa: PLC0415  see above

                # The host logs what is raised, with its trace; it knows nothing of the wait.
                log.warning("a message is held and then given back", extra={"service": self.name, "why": str(error)})
                await self._ending.rest(HOLD.total_seconds() if self._hold is None else self._hold)
                raise

    async def schedule(self, context: func.Context) -> None:
        """Queue the jobs that are due.

        Raises:
            BusUnavailable, StoreUnavailable: nothing is lost; the next run does it.
        """
        with self._ending.in_hand():
            service = await self.service()
            await service.run_schedule(context.trace_context.trace_parent)

    async def service(self) -> "Service":
        """Return the service, opened; once a process, whoever comes first.

        Raises:
            ConfigurationError: the settings or the tenants are wrong.
            Unavailable: what it needs does not answer; the next one who asks tries again.
            Ends: the process is told to end.
        """
        self._ending.watch()
        async with self._opening:
            if self._ending.has_begun:
                raise Ends("this process is told to end, and begins nothing more; another one takes it")
            if self._service is None:
                context: AbstractAsyncContextManager[Service] = importlib.import_module(
                    f"mti.functions.{self.name}"
                ).open_service()
                self._service = await context.__aenter__()
                # Kept from the collector, too, which would close it.
                self._context = context
            return self._service

    async def _close(self) -> None:
        """Let go of what is open, and tell what is not yet told."""
        async with self._opening:
            if self._context is not None:
                await self._context.__aexit__(None, None, None)
