"""`make bench`: every benchmark in this folder, against the claims of `docs/performance.md`.

Figures are ratios to a baseline that is measured in the same run, medians of several runs, in processor time where a
busy machine would decide. They are written to `build/bench.json`.
"""

import argparse
import asyncio
import importlib
import os
import pkgutil
import sys
from pathlib import Path

from tests.bench import results
from tests.bench.claims import failures, read, write

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FOUND = ROOT / "build" / "bench.json"
CLAIMS = ROOT / "docs" / "performance.md"


def main() -> int:
    """Run the benchmarks, or those whose names hold one of the words given; return 1 when a claim does not hold."""
    asked = arguments()
    names = [found.name for found in pkgutil.iter_modules([str(HERE)]) if found.name.startswith("bench_")]
    chosen = [name for name in names if not asked.words or any(word in name for word in asked.words)]
    if not chosen:
        sys.stderr.write(f"no benchmark of that name; there are {', '.join(names)}\n")
        return 2
    if asked.quick:
        os.environ[results.QUICK] = "1"
    for name in chosen:
        sys.stdout.write(f"== {name.removeprefix('bench_')}\n")
        sys.stdout.flush()
        asyncio.run(importlib.import_module(f"tests.bench.{name}").main())
    write(FOUND, results.RESULTS, quick=results.quick())
    sys.stdout.write(f"\nwritten to {FOUND.relative_to(ROOT)}\n")
    whole = chosen == names and not results.quick()
    failed = list(failures(read(CLAIMS.read_text()), results.RESULTS, all_ran=whole))
    for failure in failed:
        sys.stdout.write(f"claim of {CLAIMS.relative_to(ROOT)} failed: {failure}\n")
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("words", nargs="*", help="only benchmarks whose names hold one of these words")
    parser.add_argument("--quick", action="store_true", help="fewer runs and smaller sizes: two minutes for all")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
