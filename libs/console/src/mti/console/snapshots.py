"""The latest look at everything, shared by the pages that are asked for within a few seconds."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mti.common.ports.clock import Clock, SystemClock
from mti.common.registry import Registry
from mti.common.topology import Topology
from mti.console.workplace import Workplace
from mti.operations.pauses import Held, Selection, held
from mti.operations.status import Status, take_status

FRESH: Final = 10.0
"""Seconds for which a look is shown again: paging through a list measures nothing anew."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment."""

    registry: Registry
    status: Status
    held: list[Held]
    """What is left alone, sources first."""
    topology: Topology
    running: bool
    """Whether the services may be at work; not so on a folder whose stack does not run."""

    @property
    def at(self) -> datetime:
        """The moment."""
        return self.status.at


class Snapshots:
    """Takes a look when the latest is too old or something was done since; one at a time.

    Args:
        workplace: what is looked at.
        clock: the time.
    """

    def __init__(self, workplace: Workplace, clock: Clock | None = None) -> None:
        self._workplace = workplace
        self._clock = clock or SystemClock()
        self._taking = asyncio.Lock()
        self._latest: Snapshot | None = None

    @property
    def latest(self) -> Snapshot | None:
        """The latest look, however old; `None` before the first and after something was done."""
        return self._latest

    def forget(self) -> None:
        """Something was done: the next page looks anew."""
        self._latest = None

    async def fresh(self) -> Snapshot:
        """Return a look that is at most `FRESH` seconds old.

        Raises:
            MtiError: it can't be looked at.
        """
        async with self._taking:
            if self._latest is None or (self._clock.now() - self._latest.at).total_seconds() > FRESH:
                self._latest = await self._take()
            return self._latest

    async def _take(self) -> Snapshot:
        async with self._workplace.open() as deployment:
            registry, view = await deployment.registry(), await deployment.view()
            stores, clock = await deployment.stores(), deployment.clock
            status = await take_status(registry, stores, view, clock, deployment.topology)
            paused = await held(stores, registry, Selection(), clock.now())
            return Snapshot(registry, status, paused, deployment.topology, await deployment.is_running())
