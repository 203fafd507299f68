"""The whole pipeline as a user runs it, by size: what a tenfold feed costs in time, memory and requests."""

from typing import Any

from tests.bench.timing import line
from tests.support.cli import mti

SIZES = (10_000, 100_000)


async def main() -> None:
    """Run the demonstration in two sizes."""
    small, large = [await demonstration(size) for size in SIZES]
    for found in (small, large):
        totals = found["totals"]
        size = totals["detections"]
        line(f"{size:,} detections: whole run", size / found["seconds"], "detections/s")
        per_thousand = 1000 * totals["requests"] / max(1, totals["accepted"])
        line(f"{size:,} detections: requests for 1,000 objects", per_thousand, "requests", 10)
    before = {each["name"]: each["peak_rss_mib"] for each in small["processes"]}
    for each in large["processes"]:
        line(f"peak memory of {each['name']} at ten times the feed", each["peak_rss_mib"], "MiB", before[each["name"]])


async def demonstration(size: int) -> dict[str, Any]:
    said = await mti("demo", "--detections", str(size), "--json")
    if said.status != 0:
        raise SystemExit(said.err)
    return said.document
