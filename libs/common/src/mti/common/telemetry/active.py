"""The telemetry of this process. It is the one thing that is not passed in: it must reach where nobody asks for it."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.metrics import NoOpMeter
from opentelemetry.trace import Tracer

from mti.common.ports.clock import Clock, SystemClock
from mti.common.telemetry.identifiers import IdsOnly
from mti.common.telemetry.instruments import Instruments


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Where spans and metrics go.

    It is not OpenTelemetry's global provider: what is recorded is what this project means to record, and nothing that a
    library adds by itself, whose attributes nobody has looked at.
    """

    tracer: Tracer
    instruments: Instruments
    clock: Clock
    recording: bool = True
    """Whether anybody reads what spans and metrics are told; where not, it need not be put together."""


OFF = Telemetry(
    # The system's randomness: this is made at import, and processes that are forked afterwards must not draw the same.
    IdsOnly(random.SystemRandom()),
    Instruments(NoOpMeter("mti"), SystemClock()),
    SystemClock(),
    recording=False,
)
"""Nothing is recorded, and nothing runs beside the work."""

_active = OFF


def active() -> Telemetry:
    """Return the telemetry of this process."""
    return _active


@contextmanager
def activated(telemetry: Telemetry) -> Iterator[Telemetry]:
    """Make it the one of this process while the context lasts."""
    global _active  # noqa: PLW0603  see above
    before, _active = _active, telemetry
    try:
        yield telemetry
    finally:
        _active = before
