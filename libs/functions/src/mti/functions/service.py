"""A service as a function app runs it: its handler and settler, on parts that are opened once a process."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import azure.functions as func

from mti.common.composition.parts import Parts, PartsSettings, open_parts
from mti.common.contracts.envelope import TRACEPARENT
from mti.common.hosting import Handler, Settler, deliver
from mti.common.logs import configure
from mti.common.network import prepare_network
from mti.common.pauses import PauseState
from mti.common.ports.bus import Received, Sender
from mti.common.ports.clock import Clock
from mti.common.registry import RegistryProvider
from mti.common.settings import RunSettings
from mti.common.telemetry import TelemetrySettings, in_trace_of, running
from mti.common.topology import Entity
from mti.functions.lease import leased
from mti.functions.messages import received_from
from mti.functions.settlement import HostSettlement

Pauses = Mapping[str, PauseState]
"""What is paused, by the ids of sources or destinations."""


class Schedule(Protocol):
    """What a timer does."""

    async def run_once(self) -> int:
        """Send the jobs that are needed now, and return how many."""
        ...


class Pausable(Protocol):
    """A checkpoint that says whether its source or destination is paused."""

    @property
    def pause(self) -> PauseState | None:
        """The pause that holds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service, opened."""

    entity: Entity
    """Whose messages it handles."""
    handler: Handler
    settler: Settler
    aside: Sender
    """To the queue for what is to be dead-lettered."""
    clock: Clock
    registry: RegistryProvider
    pauses: Callable[[], Awaitable[Pauses]]
    """Returns what is paused of that which it calls."""
    schedule: Schedule | None = None
    """What its timer does, if it has one."""

    async def handle(self, message: func.ServiceBusMessage, traceparent: str | None) -> None:
        """Handle a message, and return when it may be completed.

        Args:
            message: as the platform handed it in.
            traceparent: of the platform's own span, in whose trace everything is logged that is in no message's.

        Raises:
            Unavailable: the bus or the store does not answer, and it is to be given back.
            LockLost: its session may be another's.
        """
        with in_trace_of({TRACEPARENT: traceparent or ""}):
            if not self.entity.sessions:
                await self._deliver(received_from(message))
                return
            async with leased(self.clock) as lease:
                await self._deliver(received_from(message, lease))

    async def run_schedule(self, traceparent: str | None) -> None:
        """Queue the jobs that are due.

        Raises:
            Unavailable: the bus or the store does not answer; the next run does it.
        """
        assert self.schedule is not None  # noqa: S101  a service with a timer has one
        with in_trace_of({TRACEPARENT: traceparent or ""}):
            await self.schedule.run_once()

    async def _deliver(self, received: Received) -> None:
        await deliver(self.handler, self.settler, HostSettlement(self.aside, self.entity), [received], self.entity)


def pauses_in(checkpoints: Callable[[], AsyncIterator[tuple[str, Pausable]]]) -> Callable[[], Awaitable[Pauses]]:
    """Return what reads the pauses out of checkpoints, for `Service.pauses`.

    Args:
        checkpoints: reads them all, each with the id of its source or destination.
    """

    async def read() -> Pauses:
        return {id: pause async for id, checkpoint in checkpoints() if (pause := checkpoint.pause) is not None}

    return read


@asynccontextmanager
async def open_service_parts(
    service: str, settings: PartsSettings, run: RunSettings, telemetry: TelemetrySettings
) -> AsyncIterator[Parts]:
    """Open what stands around a service, by its settings, which the platform puts into the environment.

    Args:
        service: its name.
        settings: of the parts.
        run: says what is logged.
        telemetry: where it is told.

    Raises:
        ConfigurationError: the tenants are wrong, or the environment names a proxy or certificates that can't be used.
        Unavailable: what it needs does not answer.
    """
    prepare_network()
    configure(service, run.log_level, hosted=True)
    with running(service, telemetry):
        async with open_parts(settings) as parts:
            yield parts
