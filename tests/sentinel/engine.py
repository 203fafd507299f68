"""Runs KQL on tables: a program of its own, in an environment of its own (`requirements/kql.txt`).

It reads one JSON document, `{"columns": {table: {column: type}}, "worlds": {name: {table: [row]}}, "queries":
[[world, query]]}`, and answers `[{"columns": […], "rows": [[…]]} or {"error": "…"}]` in the order of the queries.
"""

import datetime as dt
import decimal
import json
import sys
from typing import Any

import duckdb_kql

TYPES = {
    "string": "VARCHAR",
    "datetime": "TIMESTAMP",
    "int": "BIGINT",
    "long": "BIGINT",
    "real": "DOUBLE",
    "bool": "BOOLEAN",
    "dynamic": "JSON",
}


def load(columns: dict[str, dict[str, str]], tables: dict[str, list[dict[str, Any]]]) -> Any:
    """Return a connection to a database that holds the tables."""
    connection = duckdb_kql.connect()
    for name, rows in tables.items():
        kinds = columns[name]
        text = ", ".join(f'"{column}" {TYPES[kind]}' for column, kind in kinds.items())
        connection.execute(f'create table "{name}" ({text})')
        values = [[_in(row.get(column), kind) for column, kind in kinds.items()] for row in rows]
        if values:
            marks = ",".join("?" * len(kinds))
            connection.executemany(f'insert into "{name}" values ({marks})', values)
    return connection


def _in(value: Any, kind: str) -> Any:
    if kind == "dynamic":
        return json.dumps(value)
    if value is None and kind == "string":
        return ""  # Kusto's strings are never null
    return dt.datetime.fromisoformat(value).replace(tzinfo=None) if kind == "datetime" and value else value


def _out(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="seconds")
    return float(value) if isinstance(value, decimal.Decimal) else value


def answer(connection: Any, query: str) -> dict[str, Any]:
    """Return the answer, or what stood in its way."""
    try:
        found = duckdb_kql.query(connection, query)
        rows = found.fetchall()
        columns = list(found.columns)
    except Exception as error:  # noqa: BLE001  whatever it is, the test shows it
        return {"error": f"{type(error).__name__}: {str(error)[:300]}"}
    return {"columns": columns, "rows": [[_out(value) for value in row] for row in rows]}


def main() -> None:
    """Answer the document on stdin."""
    asked = json.load(sys.stdin)
    worlds = {name: load(asked["columns"], tables) for name, tables in asked["worlds"].items()}
    json.dump([answer(worlds[world], query) for world, query in asked["queries"]], sys.stdout)


if __name__ == "__main__":
    main()
