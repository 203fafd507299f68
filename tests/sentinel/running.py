"""Asks the engine: many questions, one process."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.sentinel.tables import ARRIVED, DEFENDER, Row, Tables, schemas

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".cache" / "kql" / "bin" / "python"

Asked = tuple[str, str, datetime]
"""A world's name, a query, and when it is asked."""


def ask(worlds: Mapping[str, Tables], questions: Sequence[Asked], *, advanced_hunting: bool = False) -> list[list[Row]]:
    """Return the rows of each answer, in the order of the questions."""
    kinds = {table: _columns(table, advanced_hunting=advanced_hunting) for table in schemas()}
    document = {
        "columns": kinds,
        "worlds": worlds,
        "queries": [[world, at(query, now)] for world, query, now in questions],
    }
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("engine.py")],
        input=json.dumps(document, default=datetime.isoformat),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [_rows(found, query) for found, (_, query, _) in zip(json.loads(done.stdout), questions, strict=True)]


def at(query: str, now: datetime) -> str:
    """Return a query as it is asked at a time: the engine knows neither another time than ours nor arrivals."""
    time = f"datetime({now.replace(tzinfo=None).isoformat()}Z)"
    text = query.replace("ingestion_time()", ARRIVED).replace("now()", time)
    return re.sub(r"\bago\((\w+)\)", rf"({time} - \1)", text)


def filled(query: str, **parameters: str) -> str:
    """Return a workbook's query with its parameters filled in, as the portal does."""
    values = {"Source": "Mimecast", "TimeRange:query": "> ago(7d)", **parameters}
    for name, value in values.items():
        query = query.replace(f"{{{name}}}", value)
    return query


def in_advanced_hunting(tables: Tables) -> Tables:
    """Return the tables as advanced hunting has them: Defender's have a Timestamp and no workspace."""
    renamed = {"TimeGenerated": "Timestamp"}
    return {
        f"{name}": [
            {renamed.get(key, key): value for key, value in row.items()} if name in DEFENDER else row for row in rows
        ]
        for name, rows in tables.items()
        if name in {*DEFENDER, "ThreatIntelIndicators", "CommonSecurityLog"}
    }


def _columns(table: str, *, advanced_hunting: bool) -> dict[str, str]:
    columns = schemas()[table]
    if not advanced_hunting or table not in DEFENDER:
        return {**columns, ARRIVED: "datetime"}
    own = {name: kind for name, kind in columns.items() if name not in {"TimeGenerated", "TenantId", "SourceSystem"}}
    return {**own, "Timestamp": "datetime"}


def _rows(found: dict[str, Any], query: str) -> list[Row]:
    assert "error" not in found, f"{found['error']}\n{query}"
    return [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]
