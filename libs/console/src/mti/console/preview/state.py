"""What a console keeps of its preview while it runs: worlds, processes, and what was answered and drawn."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from mti.console.preview.answers import Answer
from mti.console.preview.kept import Kept
from mti.console.preview.workers import Workers
from mti.console.preview.worlds.loaded import Loaded, Worlds

ANSWERS: Final = 400
DRAWINGS: Final = 400
ROWS_LIMIT: Final = 10_000
"""Rows of an answer: the portal shows no more either."""


class Preview:
    """Answers and draws, and keeps what it made by the query and the version of the data.

    Args:
        worlds: the data.
        workers: the processes.
    """

    def __init__(self, worlds: Worlds, workers: Workers) -> None:
        self.worlds = worlds
        self._workers = workers
        self._answers: Kept[Answer] = Kept(ANSWERS)
        self._drawings: Kept[str] = Kept(DRAWINGS)

    async def answer(self, world: Loaded, workspaces: Sequence[str], query: str, rows: int) -> Answer:
        """Return what a query finds.

        Args:
            world: the data.
            workspaces: whose rows it may see.
            query: as `mti.console.preview.asking.filled` gives it.
            rows: how many are returned at the most.

        Raises:
            Unanswered: it could not be run; the text says why.
        """

        async def ask() -> Answer:
            return Answer.read(
                await self._workers.ask(
                    {
                        "database": str(world.database),
                        "workspaces": list(workspaces),
                        "query": query,
                        "now": world.now.astimezone(UTC).replace(tzinfo=None).isoformat(),
                        "rows": min(rows, ROWS_LIMIT),
                    }
                )
            )

        return await self._answers.get((world.version, tuple(workspaces), query, rows), ask)

    async def drawn(self, spec: dict[str, Any]) -> str:
        """Return a chart as the library draws it.

        Raises:
            Unanswered: it could not be drawn; the text says why.
        """

        async def draw() -> str:
            return str((await self._workers.ask({"spec": spec}))["svg"])

        return await self._drawings.get(json.dumps(spec, sort_keys=True), draw)

    async def close(self) -> None:
        """End what is under way."""
        await self.worlds.close()
        await self._answers.close()
        await self._drawings.close()


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@asynccontextmanager
async def open_preview(data: Path | None, clock: Callable[[], datetime] = utc_now) -> AsyncIterator[Preview]:
    """Open a preview; its databases are in a folder of its own, which goes when it is closed.

    Args:
        data: the folder of an embedded run, if there is one.
        clock: the time, in UTC.
    """
    with TemporaryDirectory(prefix="mti-preview-") as scratch:
        async with Workers() as workers:
            preview = Preview(Worlds(data, Path(scratch), clock), workers)
            try:
                yield preview
            finally:
                await preview.close()
