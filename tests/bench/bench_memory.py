"""Peak memory by the size of a feed: what a fetcher and a normalizer hold in mind must not grow with what they handle.

The whole takes some minutes: ten million detections are handled for real. The short form stops at two hundred thousand,
and reports under a name of its own.
"""

import asyncio
import sys

from tests.bench.results import quick, report

SMALL = 100_000
LARGE = {False: ("memory_growth_100k_to_10m", 10_000_000), True: ("memory_growth_100k_to_200k", 200_000)}


async def main() -> None:
    """Measure a small feed and a large one, each in a process of its own."""
    name, detections = LARGE[quick()]
    small = await peak(SMALL)
    middle = await peak(1_000_000) if not quick() else small
    large = await peak(detections)
    report(
        name,
        [large / small],
        mebibytes_at_100k=small / 2**20,
        mebibytes_at_1m=middle / 2**20,
        mebibytes_at_the_largest=large / 2**20,
    )


async def peak(detections: int) -> int:
    """Return the most bytes that a process had which handled so many detections."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.memory", str(detections), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"the process that handled {detections:,} detections ended with {process.returncode}")
    return int(out)
