"""A chunk of new detections to many workspaces: what the normalizer computes for it, against the same to one.

Processor time of the handler with its store on disk and a sender that only counts, so that no send is in it.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from mti.common.adapters.sqlite import SqliteStore
from mti.common.ports.bus import Outgoing
from mti.common.registry import Registry, Route
from tests.bench.timing import line
from tests.normalizer.world import DEFAULT, GRID, NOW, World, message, registry, stix

DETECTIONS = 400
WORKSPACES = (1, 100, 1000)
RUNS = 5


@dataclass
class Counter:
    """A topic that forgets what it is sent."""

    messages: int = 0

    async def send(self, messages: Sequence[Outgoing]) -> None:
        self.messages += len(messages)


async def main() -> None:
    """Measure 400 new detections of a grid."""
    baseline: float | None = None
    for workspaces in WORKSPACES:
        found = min([await seconds(workspaces) for _ in range(RUNS)])
        what = f"400 new detections to {workspaces:,} workspace" + ("s" if workspaces > 1 else " (baseline)")
        line(what, found * 1000, "ms of processor", baseline)
        baseline = baseline or found * 1000


async def seconds(workspaces: int) -> float:
    """Return the processor time of one chunk."""
    found = [stix(f"file {number}", NOW - timedelta(seconds=number)) for number in range(DETECTIONS)]
    arrived = message(*found, source=GRID)
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "store.db")
        sent = Counter()
        handler = World(store, to_many(workspaces), indicators=sent, pages=Counter()).normalizer()  # type: ignore[arg-type]
        await handler([message(stix("before"), source=GRID)])
        sent.messages = 0
        began = time.process_time()
        await handler([arrived])
        took = time.process_time() - began
        await store.close()
    if sent.messages != workspaces * DETECTIONS // 100:
        sys.exit(f"{sent.messages} messages were sent")
    return took


def to_many(workspaces: int) -> Registry:
    """Return a registry in which the grid goes to that many workspaces."""
    routes = tuple(
        Route(source=GRID, destination=f"00000000-0000-0000-0000-{number:012}", tenant=f"t{number}", policy=DEFAULT)
        for number in range(workspaces)
    )
    return Registry(sources=registry().sources, destinations={}, routes=routes)
