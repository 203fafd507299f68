"""Microsoft's own language service understands every query, and knows every column that it names."""

import json
import subprocess
from pathlib import Path

import pytest

from infra.sentinel.generate import hunted
from tests.sentinel.questions import questions
from tests.sentinel.tables import DEFENDER, schemas

pytestmark = pytest.mark.xdist_group("kql")
ROOT = Path(__file__).parents[2]


def remarks(tables: dict[str, dict[str, str]], queries: dict[str, str]) -> dict[str, list[str]]:
    """Return what the language service has to say of each query."""
    node = next((path for path in (ROOT / ".venv" / "bin" / "node",) if path.exists()), "node")
    done = subprocess.run(
        [node, Path(__file__).with_name("semantics.cjs")],
        input=json.dumps({"tables": tables, "queries": queries}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, list[str]] = json.loads(done.stdout)
    return {name: list(said) for name, said in found.items() if said}


def test_every_deployed_query_is_understood() -> None:
    assert remarks({name: dict(columns) for name, columns in schemas().items()}, questions()) == {}


def test_every_copy_for_advanced_hunting_is_understood_there() -> None:
    gone = {"TimeGenerated", "TenantId", "SourceSystem", "Type"}
    tables = {
        name: {**{column: kind for column, kind in columns.items() if column not in gone}, "Timestamp": "datetime"}
        if name in DEFENDER
        else dict(columns)
        for name, columns in schemas().items()
    }
    assert remarks(tables, hunted()) == {}


def test_a_column_that_is_not_there_is_noticed() -> None:
    [said] = remarks({"T": {"a": "string"}}, {"wrong": "T | where b == 'x'", "right": "T | where a == 'x'"}).values()
    assert "Error" in said[0]
