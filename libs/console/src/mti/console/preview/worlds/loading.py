"""Makes a database of a world: a program of its own, since it may take long and much memory.

It reads `{"kind": …, "data": FOLDER or null, "now": TIME, "database": PATH}` on stdin, writes the database, and answers
with the summary of the world, or `{"error": TEXT}`.
"""

import asyncio
import json
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import orjson

from mti.common.errors import MtiError
from mti.console.preview.schemas import ARRIVED, schemas
from mti.console.preview.worlds.mixed import world_of
from mti.console.preview.worlds.model import Kind, Row, World

MEMORY: Final = "1GB"
_TYPES: Final = {
    "string": "VARCHAR",
    "datetime": "TIMESTAMP",
    "int": "BIGINT",
    "long": "BIGINT",
    "real": "DOUBLE",
    "bool": "BOOLEAN",
    "dynamic": "JSON",
}
_FORM: Final = orjson.OPT_APPEND_NEWLINE
_LAG: Final = timedelta(minutes=2)
"""From a row's own time to its arrival, where nothing says more."""


def write(world: World, database: Path) -> None:
    """Write the tables of a world into a new database. The name of a table is that in the workspace."""
    with (
        tempfile.TemporaryDirectory(prefix="mti-preview-") as folder,
        duckdb.connect(str(database), config={"memory_limit": MEMORY, "threads": 2}) as connection,
    ):
        connection.execute("set TimeZone = 'UTC'")
        for name, rows in world.tables.items():
            columns = {**schemas()[name], "TenantId": "string", ARRIVED: "datetime"}
            lines = Path(folder) / f"{name}.jsonl"
            with lines.open("wb") as file:
                file.writelines(orjson.dumps(_in_columns(row, columns), option=_FORM) for row in rows)
            types = ", ".join(f"{_quoted(column)}: '{_TYPES[kind]}'" for column, kind in columns.items())
            chosen = ", ".join(_selected(column, kind) for column, kind in columns.items())
            connection.execute(f'create table "{name}" as {_reading(lines, types, chosen)}')


def _reading(lines: Path, types: str, chosen: str) -> str:
    """Return the statement that reads a file of lines; all words are ours, or quoted."""
    form = f"format = 'newline_delimited', columns = {{{types}}}, maximum_object_size = 16777216"
    return f"select {chosen} from read_json({_quoted(str(lines))}, {form})"  # noqa: S608  read_json takes no values


def _selected(column: str, kind: str) -> str:
    # Kusto's strings are never null.
    return f'coalesce("{column}", \'\') as "{column}"' if kind == "string" else f'"{column}"'


def _in_columns(row: Row, columns: dict[str, str]) -> Row:
    at = row.get("TimeGenerated", row.get("Time Generated"))
    whole = {ARRIVED: None if at is None else at + _LAG, **row}
    return {name: _value(whole[name]) for name in columns if whole.get(name) is not None}


def _value(value: Any) -> Any:  # noqa: ANN401  a value of a row
    return value.replace(tzinfo=None).isoformat() if isinstance(value, datetime) else value


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


async def _loaded(asked: dict[str, Any]) -> dict[str, Any]:
    data = None if asked["data"] is None else Path(asked["data"])
    try:
        world = await world_of(Kind(asked["kind"]), data, datetime.fromisoformat(asked["now"]))
    except MtiError as error:
        return {"error": str(error)}
    write(world, Path(asked["database"]))
    return world.summary()


def main() -> None:
    """Answer the document on stdin."""
    answer = asyncio.run(_loaded(json.load(sys.stdin)))
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
