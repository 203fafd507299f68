"""`make bench`: every benchmark in this folder. Figures are ratios to a baseline that is measured in the same run."""

import asyncio
import importlib
import pkgutil
import sys
from pathlib import Path


def main() -> int:
    """Run the benchmarks, or those whose names hold one of the words given."""
    words = sys.argv[1:]
    names = [
        found.name for found in pkgutil.iter_modules([str(Path(__file__).parent)]) if found.name.startswith("bench_")
    ]
    chosen = [name for name in names if not words or any(word in name for word in words)]
    if not chosen:
        sys.stderr.write(f"no benchmark of that name; there are {', '.join(names)}\n")
        return 2
    for name in chosen:
        sys.stdout.write(f"== {name.removeprefix('bench_')}\n")
        sys.stdout.flush()
        asyncio.run(importlib.import_module(f"tests.bench.{name}").main())
    return 0


if __name__ == "__main__":
    sys.exit(main())
