"""What a row weighs: the workbooks show billed megabytes."""

import json

from mti.console.preview.worlds.model import Row


def billed(row: Row) -> Row:
    """Return a row with its size, as text of its columns, in the columns in which Log Analytics says what is billed.

    Log Analytics measures a row in about that way: https://learn.microsoft.com/azure/azure-monitor/logs/cost-logs
    """
    return {**row, "_IsBillable": "True", "_BilledSize": float(len(json.dumps(row, default=str)))}
