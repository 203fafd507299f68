"""The floor of the services' own figures: one page of detections as orjson reads it and writes it, and nothing else."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import orjson

from mti.common.hosting.process import collect_seldom
from mti.simulators import FeedSpec, generate
from mti.simulators.feed.stix import bundle

DETECTIONS = 20_000
WHEN = datetime(2026, 11, 24, tzinfo=UTC)


def page_of(*, detections: int = DETECTIONS, distinct: int | None = None) -> bytes:
    """Return a page of detections in the STIX form, with the repeats of a real feed unless it says how many differ."""
    spec = FeedSpec(seed=1, detections=detections, distinct=distinct)
    return bundle(list(generate(spec, WHEN)), "ab" * 16)


def processor_seconds(work: Callable[[], object]) -> float:
    """Return the processor time of one run, by all threads of this process, with no garbage of others to collect."""
    gc.collect()
    began = time.process_time()
    work()
    return time.process_time() - began


def floor(page: bytes) -> float:
    """Return the processor time of the floor."""
    return processor_seconds(lambda: orjson.dumps(orjson.loads(page)))


@contextmanager
def as_in_a_service() -> Iterator[None]:
    """Look for garbage as seldom as the process of a service does; the floor is measured as Python does it."""
    before = gc.get_threshold()
    collect_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*before)
