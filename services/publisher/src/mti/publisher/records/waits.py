"""What a workspace waits for while its messages are in hand, written down for people who watch.

A pause is in the checkpoint. A wait that is short enough to keep the session is only in the memory of the publisher,
and half a minute in which nothing moves looks like a fault.
"""

import logging
from datetime import timedelta
from enum import StrEnum
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from mti.common.checkpoints import Checkpoints
from mti.common.errors import StoreUnavailable, WriteConflict
from mti.common.ports.clock import Clock
from mti.common.ports.store import Container

log = logging.getLogger(__name__)

KIND: Final = "waiting"
TENANT_PAUSED: Final = "TenantPaused"
"""The reason under which the messages of a workspace wait whose every tenant is paused by a person."""
WORTH_NOTING: Final = 2.0
"""Seconds: who waits less is not noticed, and not worth a write."""


class WaitReason(StrEnum):
    """What is waited for."""

    RATE_LIMIT = "RateLimited"
    """Sentinel said how long."""
    BUDGET = "RequestBudget"
    """The workspace's `requests_per_minute` are used up."""
    ANSWER = "DestinationUnavailable"
    """No answer came, and the next try is due later."""


class Waiting(BaseModel):
    """A wait; it is over when its time has come, and stays written down until the next one."""

    model_config = ConfigDict(frozen=True)

    what: WaitReason
    until: AwareDatetime


class Waits:
    """Writes waits down, by workspace.

    Args:
        container: the store's container `checkpoints`.
        clock: the time.
    """

    def __init__(self, container: Container, clock: Clock) -> None:
        self._waitings = waitings_in(container)
        self._clock = clock

    async def note(self, destination: str, what: WaitReason, seconds: float) -> None:
        """Write down that a workspace waits for so many seconds from now on. It never fails: nothing depends on it."""
        if seconds < WORTH_NOTING:
            return
        waiting = Waiting(what=what, until=self._clock.now() + timedelta(seconds=seconds))
        try:
            known = await self._waitings.load(destination, waiting)
            await self._waitings.save(known.with_value(waiting))
        except (StoreUnavailable, WriteConflict) as error:
            log.debug("a wait could not be written down", extra={"destination": destination, "why": str(error)})


def waitings_in(container: Container) -> Checkpoints[Waiting]:
    """Return the waits, by destination id.

    Args:
        container: the store's container `checkpoints`.
    """
    return Checkpoints(container, KIND, Waiting)
