"""Answers queries and draws charts: a program of its own, that may be ended at any time.

It reads a JSON document a line on stdin and answers each with one on stdout:

- `{"database": PATH, "workspaces": [id], "query": KQL, "now": TIME, "rows": N}` gives `{"columns": [[name, type]],
  "rows": [[value]], "more": bool}`. Times are ISO 8601 in UTC; a value of the type `dynamic` is JSON text.
- `{"spec": a chart in Vega-Lite}` gives `{"svg": TEXT}`.

What can't be done gives `{"error": TEXT}`. It ends with its parent: when stdin does, whatever it does at the moment.

The databases are opened to be read, and the engine of SQL is shut off from files and network before a query comes.
"""

import datetime as dt
import decimal
import json
import os
import queue
import sys
import threading
from typing import Any, Final

import duckdb_kql
import vl_convert

MEMORY: Final = "768MB"
CELL_LIMIT: Final = 4_000
"""Characters of one value; what is longer is cut and ends in an ellipsis."""
KEPT: Final = 4
"""Databases, with their workspaces, that are kept open."""
_TIMES: Final = (dt.datetime, dt.date)

_connections: dict[tuple[str, tuple[str, ...]], Any] = {}


def connected(path: str, workspaces: tuple[str, ...]) -> Any:  # noqa: ANN401  the database's own
    """Return a connection that shows the rows of those workspaces alone, as tables under their names."""
    known = _connections.pop((path, workspaces), None)
    if known is None:
        known = duckdb_kql.connect(":memory:", config={"memory_limit": MEMORY, "threads": 2})
        known.execute(f"attach {_text(path)} as world (read_only)")
        names = ", ".join(map(_text, workspaces)) or "''"
        tables = known.execute("select table_name from duckdb_tables() where database_name = 'world'").fetchall()
        for (table,) in tables:
            view = f'select * from world."{table}" where "TenantId" in ({names})'  # noqa: S608  quoted, and views take no values
            known.execute(f'create view "{table}" as {view}')
        # It can't be switched on again while the database is open.
        known.execute("set enable_external_access = false")
    _connections[path, workspaces] = known
    while len(_connections) > KEPT:
        _connections.pop(next(iter(_connections))).close()
    return known


def answered(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a query."""
    connection = connected(asked["database"], tuple(asked["workspaces"]))
    now = dt.datetime.fromisoformat(asked["now"])
    found = duckdb_kql.execute(connection, asked["query"], allow_write=False, query_now=now)
    columns = [[name, _type(str(kind))] for name, kind, *_ in found.description]
    rows = found.fetchmany(asked["rows"] + 1)
    plain = [[_out(value) for value in row] for row in rows[: asked["rows"]]]
    return {"columns": columns, "rows": plain, "more": len(rows) > asked["rows"]}


def drawn(asked: dict[str, Any]) -> dict[str, Any]:
    """Return a chart."""
    return {"svg": vl_convert.vegalite_to_svg(asked["spec"])}


def main() -> None:
    """Answer until stdin ends."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    while True:
        asked = json.loads(lines.get())
        try:
            answer = drawn(asked) if "spec" in asked else answered(asked)
        except Exception as error:  # noqa: BLE001  whatever it is, a page shows it, and the next question is answered
            answer = {"error": f"{type(error).__name__}: {str(error)[:500]}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _read(lines: "queue.SimpleQueue[str]") -> None:
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _type(kind: str) -> str:
    if kind.startswith(("TIMESTAMP", "DATE")):
        return "datetime"
    if kind.startswith(("DECIMAL", "DOUBLE", "FLOAT")):
        return "real"
    if kind in {"BIGINT", "INTEGER", "HUGEINT", "UBIGINT", "SMALLINT", "TINYINT", "UINTEGER"}:
        return "long"
    return {"BOOLEAN": "bool", "JSON": "dynamic", "INTERVAL": "timespan"}.get(kind, "string")


def _out(value: Any) -> Any:  # noqa: ANN401  as the database gives it
    if isinstance(value, _TIMES):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return float(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= CELL_LIMIT else text[: CELL_LIMIT - 1] + "…"


if __name__ == "__main__":
    main()
