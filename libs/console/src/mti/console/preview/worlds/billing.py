"""What a row weighs: the workbooks show billed megabytes."""

import orjson

from mti.console.preview.worlds.model import Row


def billed(row: Row) -> Row:
    """Return a row with its size, as text of its columns, in the columns in which Log Analytics says what is billed.

    Log Analytics measures a row in about that way: https://learn.microsoft.com/azure/azure-monitor/logs/cost-logs
    """
    return sized(row, len(orjson.dumps(row)))


def sized(row: Row, size: int) -> Row:
    """Return a row with its size in bytes in those columns."""
    return {**row, "_IsBillable": "True", "_BilledSize": float(size)}
