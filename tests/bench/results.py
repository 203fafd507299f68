"""What a run of the benchmarks found: a ratio for each name, and the raw figures beside it, for `build/bench.json`."""

import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

QUICK = "MTI_BENCH_QUICK"
"""The variable of the environment that asks for the short form, in this process and in those that it starts."""


@dataclass(frozen=True)
class Result:
    """The ratio of each run of one benchmark, and figures with a unit, whose names say it (`detections_per_second`)."""

    values: Sequence[float]
    raw: Mapping[str, float] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Return what the runs are judged by: half of them are above."""
        return statistics.median(self.values)

    def document(self) -> dict[str, object]:
        """Return what `build/bench.json` holds of it."""
        return {"median": self.median, "runs": list(self.values), "raw": dict(self.raw)}


RESULTS: dict[str, Result] = {}
"""What this process reported, in the order in which it came."""


def report(name: str, values: Sequence[float], **raw: float) -> None:
    """Keep the ratio of each run under a name of its own, and print the median.

    Raises ValueError for a name that was reported before, and for no runs at all.
    """
    if name in RESULTS:
        message = f"two benchmarks report {name}"
        raise ValueError(message)
    if not values:
        message = f"{name} was reported without a run"
        raise ValueError(message)
    result = Result(tuple(values), raw)
    RESULTS[name] = result
    spread = f"{min(values):,.2f} to {max(values):,.2f} in {len(values)} runs"
    figures = ", ".join(f"{key.replace('_', ' ')} {figure:,.6g}" for key, figure in raw.items())
    sys.stdout.write(f"{name:36}{result.median:10,.2f}   {spread}{'; ' + figures if figures else ''}\n")
    sys.stdout.flush()


def quick() -> bool:
    """Return whether the short form is asked: fewer runs, smaller sizes, two minutes for all."""
    return os.environ.get(QUICK) == "1"
