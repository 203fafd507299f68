"""How the benchmarks measure and print."""

import sys
import time
from collections.abc import Callable


def rate(work: Callable[[], object], units: int, *, seconds: float = 1.0) -> float:
    """Return units a second of the best of the runs that fit into that time; at least two are made."""
    best, runs, until = 0.0, 0, time.perf_counter() + seconds
    while runs < 2 or time.perf_counter() < until:
        began = time.perf_counter()
        work()
        best = max(best, units / (time.perf_counter() - began))
        runs += 1
    return best


def line(what: str, found: float, unit: str, baseline: float | None = None) -> None:
    """Print a figure, and its ratio to the baseline."""
    ratio = "" if baseline is None else f"{found / baseline:8.2f} x"
    sys.stdout.write(f"{what:52}{found:12,.0f} {unit:16}{ratio}\n")
    sys.stdout.flush()
