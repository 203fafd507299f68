"""How many sources and destinations are paused, as far as this process knows.

A pause is kept in a checkpoint, which any instance may save. So none counts pauses up and down: each tells those that
it saw last, for as long as they hold. Whoever probes after that sees what is the case then.
"""

from collections import Counter
from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, Observation

from mti.common.pauses import PauseState
from mti.common.ports.clock import Clock
from mti.common.telemetry.attributes import KIND, REASON, TENANT
from mti.common.telemetry.bounds import Bounded


class PausesSeen:
    """The pauses that this process saw, and that still hold."""

    def __init__(self, clock: Clock, tenants: Bounded, reasons: Bounded) -> None:
        self._clock = clock
        self._tenants = tenants
        self._reasons = reasons
        self._seen: dict[tuple[str, str], tuple[str, PauseState]] = {}

    def record(self, kind: str, id: str, tenant: str, pause: PauseState | None) -> None:
        """Note that a source or destination is paused, or that it is not.

        Args:
            kind: `source` or `destination`.
            id: its id.
            tenant: whose it is.
            pause: the pause; `None` when there is none.
        """
        if pause is None:
            self._seen.pop((kind, id), None)
        else:
            self._seen[kind, id] = (tenant, pause)

    def observe(self, _options: CallbackOptions | None = None) -> Iterable[Observation]:
        """Count what holds now, by kind, tenant and reason. What has ended is told once more, as 0."""
        now = self._clock.now()
        counts: Counter[tuple[str, str, str]] = Counter()
        for (kind, id), (tenant, pause) in list(self._seen.items()):
            key = (kind, self._tenants.of(tenant), self._reasons.of(pause.reason))
            if now < pause.until:
                counts[key] += 1
            else:
                counts[key] += 0
                del self._seen[kind, id]
        return [
            Observation(count, {KIND: kind, TENANT: tenant, REASON: reason})
            for (kind, tenant, reason), count in counts.items()
        ]
