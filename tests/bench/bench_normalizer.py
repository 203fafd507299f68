"""Chunks' bytes to outgoing bodies, as the normalizer makes them, against the floor and against how others do it.

Processor time of the handler with all that it reads and writes in a store on disk, and a sender that only counts.
"""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import stix2

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.ports.bus import Received
from mti.common.ports.settlement import Complete
from tests.bench.bench_fetcher import messages
from tests.bench.floor import DETECTIONS, as_in_a_service, floor, page_of, processor_seconds
from tests.bench.normalizing import Topic, handler_on
from tests.bench.results import quick, report
from tests.normalizer.world import received

PEERS = 1000
"""Detections that the other way is measured with: each costs the same."""


async def main() -> None:
    """Measure a feed with the repeats of a real one and one without any, and the `stix2` library."""
    runs = 3 if quick() else 7
    for name, distinct in (("normalizer", None), ("normalizer_new", DETECTIONS)):
        page = page_of(distinct=distinct)
        chunks = [replace(received(message), enqueued_at=None) for message in messages(page)]
        found = [(floor(page), await handled(chunks)) for _ in range(runs)]
        base, ours = (min(times) for times in zip(*found, strict=True))
        report(
            f"{name}_vs_json_floor",
            [took / least for least, took in found],
            detections_per_second=DETECTIONS / ours,
            floor_per_second=DETECTIONS / base,
        )
        if distinct is None:
            few = page_of(detections=PEERS)
            theirs = [processor_seconds(lambda few=few: peers(few)) / PEERS for _ in range(runs)]  # type: ignore[misc]
            report(
                "normalizer_vs_stix2",
                [each / (took / DETECTIONS) for each, (_, took) in zip(theirs, found, strict=True)],
                stix2_detections_per_second=1 / min(theirs),
            )


async def handled(chunks: Sequence[Received]) -> float:
    """Return the processor time of a normalizer that begins with an empty store and handles the chunks."""
    with tempfile.TemporaryDirectory() as folder:
        store, topic = packed(SqliteStore(Path(folder) / "store.db")), Topic()
        handler = handler_on(store, topic)
        await store.container("known").read("nothing", "opens the file")
        with as_in_a_service():
            began = time.process_time()
            outcomes = [outcome for chunk in chunks for outcome in await handler([chunk])]
            took = time.process_time() - began
        await store.close()
    if outcomes != [Complete()] * len(chunks) or not topic.bodies:
        sys.exit("not every chunk was handled")
    return took


def peers(page: bytes) -> list[str]:
    """Return indicators as connectors commonly make them: each an object of the `stix2` library, made and written."""
    objects: Sequence[dict[str, Any]] = json.loads(page)["objects"]
    return [peers_indicator(each).serialize() for each in objects if each["type"] == "indicator"]


def peers_indicator(found: dict[str, Any]) -> stix2.v21.Indicator:
    seen = datetime.fromisoformat(found["created"]).astimezone(UTC)
    return stix2.v21.Indicator(
        created=seen,
        modified=seen,
        name="Mimecast: malicious file",
        description="Detected by Mimecast",
        indicator_types=["malicious-activity"],
        pattern=found["pattern"],
        pattern_type="stix",
        valid_from=seen,
        valid_until=seen + timedelta(days=30),
        confidence=80,
        labels=["mimecast"],
    )
