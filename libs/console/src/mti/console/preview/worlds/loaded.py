"""Worlds as databases: made by a process of its own when they are first looked at, and anew when the folder changed."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

from mti.console.preview.workers import Unanswered
from mti.console.preview.worlds.model import Kind, Origin, Workspace
from mti.stack.layout import Layout

SECONDS: Final = 180.0
"""For making one."""
OLDEST: Final = timedelta(minutes=10)
"""After that a world is made anew, since time goes on in it."""
SHORTEST: Final = timedelta(seconds=20)
"""A folder that changes all the time is not read more often."""
MODULE: Final = "mti.console.preview.worlds.loading"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A world in a database."""

    kind: Kind
    database: Path
    now: datetime
    """The time at which it is looked at."""
    workspaces: tuple[Workspace, ...]
    origins: dict[str, Origin]
    rows: dict[str, int]
    notes: tuple[str, ...]

    @property
    def version(self) -> str:
        """Tells it from every other one."""
        return self.database.name


@dataclass(slots=True)
class _Held:
    loaded: Loaded
    mark: object
    made: datetime
    renewing: "asyncio.Task[Loaded] | None" = None


class Worlds:
    """The worlds of a console.

    Args:
        data: the folder, if there is one.
        scratch: where databases are written.
        clock: the time, in UTC.
    """

    def __init__(self, data: Path | None, scratch: Path, clock: Callable[[], datetime]) -> None:
        self.data = data
        self._scratch = scratch
        self._clock = clock
        self._held: dict[Kind, _Held] = {}
        self._first: dict[Kind, asyncio.Lock] = {kind: asyncio.Lock() for kind in Kind}
        self._numbers = count(1)

    @property
    def kinds(self) -> list[Kind]:
        """What can be looked at, the usual one first: what is real, where there is anything."""
        return [Kind.SAMPLE] if self.data is None else [Kind.FOLDER, Kind.MIXED, Kind.SAMPLE]

    async def get(self, kind: Kind) -> Loaded:
        """Return a world. While one is made anew, the one from before is shown.

        Raises:
            Unanswered: it can't be made; the text says why.
        """
        async with self._first[kind]:
            if kind not in self._held:
                self._keep(kind, await self._make(kind), self._mark())
        held = self._held[kind]
        if held.renewing is None and self._is_old(held):
            held.renewing = asyncio.create_task(self._renew(kind))
        return held.loaded

    async def close(self) -> None:
        """End what is being made."""
        tasks = [held.renewing for held in self._held.values() if held.renewing is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_old(self, held: _Held) -> bool:
        age = self._clock() - held.made
        return age > OLDEST or (age > SHORTEST and self._mark() != held.mark)

    async def _renew(self, kind: Kind) -> Loaded:
        before, mark = self._held[kind], self._mark()
        try:
            loaded = await self._make(kind)
        except Unanswered:
            # The one from before stays, and is tried again when it is older by as much.
            before.made, before.renewing = self._clock(), None
            raise
        self._keep(kind, loaded, mark)
        before.loaded.database.unlink(missing_ok=True)
        return loaded

    def _keep(self, kind: Kind, loaded: Loaded, mark: object) -> None:
        self._held[kind] = _Held(loaded, mark, self._clock())

    async def _make(self, kind: Kind) -> Loaded:
        now = self._clock().replace(microsecond=0)
        database = self._scratch / f"{kind}-{next(self._numbers)}.duckdb"
        data = None if self.data is None else str(self.data)
        asked = {"kind": kind, "data": data, "now": now.isoformat(), "database": str(database)}
        answer = await _run(asked)
        if "error" in answer:
            raise Unanswered(str(answer["error"]))
        return Loaded(
            kind=kind,
            database=database,
            now=now,
            workspaces=tuple(Workspace(*each) for each in answer["workspaces"]),
            origins={name: Origin(origin) for name, origin in answer["origins"].items()},
            rows=answer["rows"],
            notes=tuple(answer["notes"]),
        )

    def _mark(self) -> object:
        """Return something that differs when the folder does."""
        if self.data is None:
            return None
        layout = Layout(self.data)
        books = layout.database("publisher")
        watched = [books, books.with_name(f"{books.name}-wal"), layout.last_run, layout.workspaces]
        return tuple(_stamp(path) for path in watched)


async def _run(asked: dict[str, Any]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        MODULE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            said, wrong = await process.communicate(json.dumps(asked).encode())
    except TimeoutError:
        raise Unanswered(f"reading the folder took longer than {SECONDS:.0f} s; look at the sample instead") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    if process.returncode != 0:
        last = wrong.decode(errors="replace").strip().rpartition("\n")[2]
        raise Unanswered(
            f"the tables could not be made: {last[:300]}. The preview needs duckdb-kql and vl-convert-python: "
            "pip install 'mti-console[preview]'"
        )
    answer: dict[str, Any] = json.loads(said)
    return answer


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
