"""Rows of `ThreatIntelIndicators` out of the folder of an embedded run.

A demonstration that keeps its folder leaves the rows of its simulated workspaces there. Of any other run the
publisher's books say which version of each indicator a workspace holds: one row is made of each.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import orjson

from mti.common.errors import ConfigurationError
from mti.common.ports.clock import SystemClock
from mti.common.registry import Registry, load_registry
from mti.console.preview.schemas import schemas
from mti.console.preview.worlds.billing import billed, sized
from mti.console.preview.worlds.model import NOWHERE, Origin, Row, Workspace, World
from mti.publisher.records import PUBLISHED, SHARDS, PublishedVersions, held_object
from mti.simulators.sentinel.rows import Arrival, Service, rows_of
from mti.stack.layout import Layout

TABLE: Final = "ThreatIntelIndicators"
ROWS_LIMIT: Final = 200_000
"""Rows that are read of a folder: more are not drawn, and the page says so."""
LINE_LIMIT: Final = 64 * 2**10
"""Bytes of a kept row."""
_AFTER: Final = timedelta(minutes=1)
"""Books that close so long after the rows were kept are still those of the same run."""
_NEVER: Final = timedelta(days=36_500)
_TIMES: Final = frozenset(name for name, kind in schemas()[TABLE].items() if kind == "datetime")


async def folder_world(data: Path, now: datetime) -> World:
    """Return what a folder holds. One that holds nothing gives a workspace without rows.

    Args:
        data: `DIR` of `mti up`.
        now: the time of looking.
    """
    layout, world = Layout(data), World(now)
    registry = _registry(layout)
    world.add({TABLE: [], "SecurityIncident": [], "SecurityAlert": []}, Origin.BOOKS)
    kept = _kept(layout)
    if kept:
        for path in kept:
            world.workspaces.append(_workspace(path.stem, registry))
            world.add({TABLE: _kept_rows(path, _room(world), now)}, Origin.UPLOADED)
        world.notes.append(
            "Rows are those that the demonstration's simulated workspaces kept; their sizes are estimated from their "
            "text."
        )
    else:
        await _from_books(layout, world, registry)
    if len(world.tables[TABLE]) >= ROWS_LIMIT:
        world.notes.append(f"Only the first {ROWS_LIMIT:,} rows of the folder are shown here.")
    return world


def _kept(layout: Layout) -> list[Path]:
    """Return the files of the simulated workspaces; none where the folder was worked on after they were written."""
    found = sorted(layout.workspaces.glob("*.jsonl")) if layout.workspaces.is_dir() else []
    books = layout.database("publisher")
    written = [path.stat().st_mtime for path in (books, books.with_name(f"{books.name}-wal")) if path.is_file()]
    if found and max(written, default=0.0) > min(path.stat().st_mtime for path in found) + _AFTER.total_seconds():
        return []
    return found


async def _from_books(layout: Layout, world: World, registry: Registry | None) -> None:
    if not layout.database("publisher").is_file():
        world.workspaces = [_workspace(id, registry) for id in sorted(registry.destinations if registry else ())]
        world.notes.append(f"{layout.root} holds no books of a publisher yet: start `mti up` or `mti demo` on it.")
    else:
        store = layout.store("publisher")
        try:
            published = PublishedVersions(store.container(PUBLISHED), SystemClock())
            named = await published.destinations() | set(registry.destinations if registry else ())
            world.workspaces = [_workspace(id, registry) for id in sorted(named)]
            for workspace in world.workspaces:
                room, service = _room(world), Service(workspace.id, repeated_after=_NEVER)
                arrivals = [arrival async for arrival in _arrivals(published, workspace, room)]
                world.add({TABLE: [billed(row) for row in rows_of(arrivals, service, until=world.now)]}, Origin.BOOKS)
        finally:
            await store.close()
        world.notes.append(
            "A row is the version of an indicator that the publisher's books say a workspace holds. They do not keep "
            "when it was uploaded: its time is that of its newest detection, and its size is estimated from its text."
        )
    if not world.workspaces:
        world.workspaces = [NOWHERE]


async def _arrivals(published: PublishedVersions, workspace: Workspace, room: int) -> AsyncIterator[Arrival]:
    for shard in SHARDS:
        async for own, known in published.scan(workspace.id, shard):
            if room <= 0:
                return
            if (indicator := held_object(own, known)) is not None:
                room -= 1
                yield Arrival(indicator.modified, workspace.source_system, dict(indicator.wire))


def _kept_rows(path: Path, room: int, now: datetime) -> Iterator[Row]:
    with closing(path.open("rb")) as lines:
        for _ in range(max(room, 0)):
            line = lines.readline(LINE_LIMIT)
            if not line.endswith(b"\n"):
                return
            row: Row = orjson.loads(line)
            for name in _TIMES & row.keys():
                row[name] = row[name] and datetime.fromisoformat(row[name])
            if row["TimeGenerated"] <= now:
                yield sized(row, len(line) - 1)


def _room(world: World) -> int:
    return ROWS_LIMIT - len(world.tables[TABLE])


def _registry(layout: Layout) -> Registry | None:
    """Return the tenants of the last run, who give workspaces their names; `None` where they can't be read."""
    last = layout.recall()
    if last is None:
        return None
    try:
        return load_registry(last.tenants, allow_loopback=True)
    except ConfigurationError:
        return None


def _workspace(id: str, registry: Registry | None) -> Workspace:
    destination = registry.destinations.get(id) if registry else None
    if destination is None:
        return Workspace(id, id)
    return Workspace(id, f"{', '.join(destination.tenants)} ({id[:8]})", destination.source_system)
