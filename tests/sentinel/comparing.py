"""Answers and expectations in one form, so that they can be compared."""

import json
from datetime import datetime
from typing import Any

from tests.sentinel.tables import Row


def said(found: list[Row], expected: list[Row] | None = None) -> list[str]:
    """Return rows as texts in order: of the columns that are expected, those that are not empty."""
    columns = {column for row in (found if expected is None else expected) for column in row}
    return sorted(
        json.dumps({name: shown(row[name]) for name in columns if _told(row.get(name))}, sort_keys=True)
        for row in found
    )


def shown(value: Any) -> Any:
    """Return a value in the form of the engine's: times without a zone, lists in order."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(timespec="seconds")
    if isinstance(value, list):
        return sorted(value)
    if isinstance(value, str) and value.startswith("["):
        return sorted(json.loads(value))
    return value


def _told(value: Any) -> bool:
    return value is not None and value != ""
