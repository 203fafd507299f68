"""How much a store on disk is asked: the statements of SQLite, and the rows that each brought."""

from collections.abc import Sequence

import pytest

from mti.common.adapters.sqlite_file import Parameter, Row, SqliteFile


def rows_brought(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the rows of each statement from now on, until the patch is undone."""
    brought: list[int] = []
    fetch = SqliteFile.fetch

    async def counted(self: SqliteFile, statement: str, parameters: Sequence[Parameter]) -> list[Row]:
        rows = await fetch(self, statement, parameters)
        brought.append(len(rows))
        return rows

    monkeypatch.setattr(SqliteFile, "fetch", counted)
    return brought
