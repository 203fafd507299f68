"""When a destination is left alone, for how long, and when its messages are looked at again."""

import logging
import random
from datetime import datetime, timedelta
from typing import Final

from mti.common.errors import Pause
from mti.common.pauses import PauseState, paused
from mti.common.ports.clock import Clock
from mti.common.ports.settlement import Park
from mti.common.registry import Destination
from mti.common.telemetry import active
from mti.common.telemetry.attributes import tenant_among

log = logging.getLogger(__name__)

SPREAD: Final = timedelta(seconds=10)
"""Over how long parked messages come back at most, so that they do not all come in one instant."""


class Pausing:
    """Decides about pauses of destinations.

    Args:
        clock: the machine's own, like the start of the run that pauses are compared with.
        rng: the jitter.
        run_started: when a person started this run; what was paused before is probed at once.
    """

    def __init__(self, clock: Clock, rng: random.Random, run_started: datetime | None) -> None:
        self._clock = clock
        self._rng = rng
        self._run_started = run_started

    def holds(self, pause: PauseState | None) -> bool:
        """Say whether to leave the destination alone now."""
        return pause is not None and pause.holds(self._clock.now(), self._run_started)

    def park(self, pause: PauseState) -> Park:
        """Return the outcome of a message that waits until the pause ends."""
        delay = pause.left(self._clock.now())
        return Park(delay + self._rng.random() * min(SPREAD, delay / 10), f"{pause.reason}: {pause.description}")

    def after(
        self, destination: Destination, before: PauseState | None, error: Pause | None, *, reached: bool
    ) -> PauseState | None:
        """Return the pause that holds from now on, and say so when it begins or ends.

        Args:
            destination: the workspace.
            before: the pause that was there when the batch began.
            error: why it must be left alone; `None` where nothing was found against it.
            reached: whether it took a request.
        """
        names = {"destination": destination.id, "tenants": list(destination.tenants)}
        if before is not None and reached:
            log.info("a destination works again", extra={**names, "reason": before.reason})
            before = None
        if error is None:
            return before
        pause = paused(error, self._clock.now(), before, self._rng)
        news = before is None or before.reason != pause.reason
        log.log(
            logging.WARNING if news else logging.DEBUG,
            "a destination is paused" if news else "a destination is still paused",
            extra={**names, "reason": pause.reason, "description": pause.description, "until": pause.until.isoformat()},
        )
        return pause


def measure(destination: Destination, pause: PauseState | None) -> None:
    """Tell the metrics whether a destination is paused."""
    active().instruments.pauses.saw("destination", destination.id, tenant_among(destination.tenants), pause)
