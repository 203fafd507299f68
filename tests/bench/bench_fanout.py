"""A chunk of new detections to many workspaces: what the normalizer computes for it, against the same to one.

Processor time of the handler, with its store on disk and a sender that only counts: what sending costs is not in it.
"""

import gc
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.ports.bus import Outgoing
from mti.common.registry import IndicatorPolicy, Registry, Route
from mti.normalizer.emitting import Emitter
from mti.normalizer.handler import NormalizeHandler
from mti.normalizer.records import KnownIndicators, Ledger, Offsets
from tests.bench.floor import as_in_a_service
from tests.bench.results import report
from tests.bench.timing import line
from tests.normalizer.world import DEFAULT, GRID, NOW, StandingClock, message, registry, stix
from tests.support.counted import CountedContainer

DETECTIONS = 400
WORKSPACES = (1, 100, 1000)
RUNS = 5


@dataclass
class Topic:
    """Forgets what it is sent."""

    messages: int = 0

    async def send(self, messages: Sequence[Outgoing]) -> None:
        self.messages += len(messages)


async def main() -> None:
    """Measure 400 new detections of a grid, to workspaces of one policy and to such with allow-lists of their own."""
    baseline: float | None = None
    milliseconds: dict[int, list[float]] = {}
    for what, own in (("one policy", False), ("own allow-lists", True)):
        for workspaces in WORKSPACES:
            policies = [
                replace(DEFAULT, allow_list=frozenset({f"t{n}.example"})) if own else DEFAULT for n in range(workspaces)
            ]
            runs = [await cost(policies) for _ in range(RUNS)]
            found = [seconds * 1000 for seconds, _ in runs]
            calls = runs[0][1]
            line(f"400 new to {workspaces:,}, {what}, {calls} calls of the store", min(found), "ms processor", baseline)
            baseline = baseline or min(found)
            if not own:
                milliseconds[workspaces] = found
    report(
        "fanout_1000_vs_1",
        [many / one for many, one in zip(milliseconds[1000], milliseconds[1], strict=True)],
        milliseconds_for_1=min(milliseconds[1]),
        milliseconds_for_1000=min(milliseconds[1000]),
    )


async def cost(policies: Sequence[IndicatorPolicy]) -> tuple[float, int]:
    """Return the processor time of one chunk to a workspace for each policy, and the calls about what is known."""
    detections = [stix(f"file {number}", NOW - timedelta(seconds=number)) for number in range(DETECTIONS)]
    arrived = message(*detections, source=GRID)
    with tempfile.TemporaryDirectory() as folder:
        store, topic = packed(SqliteStore(Path(folder) / "store.db")), Topic()
        known = CountedContainer(store.container("known"))
        handler = NormalizeHandler(
            to_each(policies),
            Emitter(KnownIndicators(known, StandingClock()), topic),
            Ledger(store.container("ledger")),
            Offsets(store.container("checkpoints")),
            pages=Topic(),
            to="normalizer",
        )
        await handler([message(stix("before"), source=GRID)])
        gc.collect()  # as much of others' as one chunk to one workspace costs, in some runs and not in others
        with as_in_a_service():
            topic.messages, calls, began = 0, known.calls.total(), time.process_time()
            await handler([arrived])
            took = time.process_time() - began
        await store.close()
    if topic.messages != len(policies) * DETECTIONS // 100:
        sys.exit(f"{topic.messages} messages were sent")
    return took, known.calls.total() - calls


def to_each(policies: Sequence[IndicatorPolicy]) -> Registry:
    """Return a registry in which the grid goes to a workspace for each policy."""
    routes = tuple(
        Route(source=GRID, destination=f"00000000-0000-0000-0000-{number:012}", tenant=f"t{number}", policy=policy)
        for number, policy in enumerate(policies)
    )
    return Registry(sources=registry().sources, destinations={}, routes=routes)
