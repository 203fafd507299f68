"""What a query may do: read the tables of its workspaces, so many rows of them, and nothing else of this machine."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mti.console.preview.workers import Unanswered, Workers
from mti.console.preview.worlds.loading import write
from mti.console.preview.worlds.model import Origin, World

pytestmark = pytest.mark.xdist_group("preview")

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    async with Workers(1) as found:
        yield found


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, Any]:
    """A question to a world of two workspaces, but for its query."""
    world = World(NOW)
    rows = [{"TimeGenerated": NOW, "Subject": "x" * 9_000, "TenantId": id} for id in ("one", "two", "two")]
    world.add({"EmailEvents": rows, "SecurityAlert": []}, Origin.SAMPLE)
    write(world, tmp_path / "world.duckdb")
    return {
        "database": str(tmp_path / "world.duckdb"),
        "workspaces": ["two"],
        "now": "2026-11-24T12:00:00",
        "rows": 100,
    }


async def test_a_query_sees_the_rows_of_its_workspaces_alone(workers: Workers, asked: dict[str, Any]) -> None:
    assert (await workers.ask({**asked, "query": "EmailEvents | count"}))["rows"] == [[2]]
    nobody = {**asked, "workspaces": []}
    assert (await workers.ask({**nobody, "query": "EmailEvents | count"}))["rows"] == [[0]]


async def test_rows_and_cells_are_bounded(workers: Workers, asked: dict[str, Any]) -> None:
    answer = await workers.ask({**asked, "rows": 1, "query": "EmailEvents | project Subject"})
    assert answer["more"] is True
    [[text]] = answer["rows"]
    assert len(text) == 4_000


async def test_the_clock_of_a_query_stands_still(workers: Workers, asked: dict[str, Any]) -> None:
    answer = await workers.ask({**asked, "query": "print now(), ago(1d)"})
    assert answer["rows"] == [["2026-11-24T12:00:00", "2026-11-23T12:00:00"]]


@pytest.mark.parametrize(
    "query",
    [
        "['SECRET']",
        "database('world').['SECRET']",
        "externaldata(line:string) ['SECRET'] with(format='txt')",
        ".set Mine <| EmailEvents",
        ".drop table EmailEvents",
        ".attach database Other from 'SECRET'",
    ],
)
async def test_a_query_neither_reads_a_file_nor_writes(
    workers: Workers, asked: dict[str, Any], tmp_path: Path, query: str
) -> None:
    (tmp_path / "secret.csv").write_text("a\nnever to be seen\n")
    with pytest.raises(Unanswered) as error:
        await workers.ask({**asked, "query": query.replace("SECRET", str(tmp_path / "secret.csv"))})
    assert "never to be seen" not in str(error.value)
    assert (await workers.ask({**asked, "query": "EmailEvents | count"}))["rows"] == [[2]]
