"""The verdict: the quiet tenants with the noisy ones beside the same tenants without them. Pure."""

from dataclasses import dataclass
from typing import Final

from mti.simulation.parameters import Parameters
from mti.simulation.run import RunResult, simulate

FACTOR: Final = 1.5
FRESHNESS_ALLOWANCE: Final = 20.0
"""Seconds that the p95 of the freshness may rise by beside the factor."""
DELAY_ALLOWANCE: Final = 20.0
"""Seconds that the p95 of the delay may rise by beside the factor."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both runs."""

    alone: RunResult
    """Without the noisy tenants."""
    beside: RunResult
    """With them."""

    @property
    def faults(self) -> list[str]:
        """What is unfair, in sentences; empty when nothing is."""
        found: list[str] = []
        for name, alone, beside, allowance in (
            ("freshness", self.alone.freshness, self.beside.freshness, FRESHNESS_ALLOWANCE),
            ("delay", self.alone.delay, self.beside.delay, DELAY_ALLOWANCE),
        ):
            bound = alone.p95 * FACTOR + allowance
            if beside.p95 > bound:
                found.append(
                    f"the p95 of the {name} of quiet tenants is {beside.p95:.0f} s beside noisy ones, and may be "
                    f"{bound:.0f} s: it is {alone.p95:.0f} s without them"
                )
        if self.beside.missing > self.alone.missing:
            found.append(
                f"{self.beside.missing} detections of quiet tenants had not arrived at the end, and without the noisy "
                f"ones {self.alone.missing}"
            )
        return found

    @property
    def fair(self) -> bool:
        """Whether the noise is not noticed."""
        return not self.faults

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "fair": self.fair,
            "faults": self.faults,
            "without_noise": self.alone.document(),
            "with_noise": self.beside.document(),
        }


def compared(parameters: Parameters) -> Comparison:
    """Simulate both ways."""
    return Comparison(simulate(parameters, noisy=False), simulate(parameters, noisy=True))
