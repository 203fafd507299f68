"""What `mti tenants` shows: plain data for JSON, and tables of it for a terminal."""

from collections import Counter

from pydantic import JsonValue

from mti.cli.console import Rows
from mti.common.registry import Registry, TenantState
from mti.common.registry.durations import format_duration
from mti.operations.tenants import Change, ChangeKind, StateChange

_QUIET = frozenset({ChangeKind.UNCHANGED, ChangeKind.KEPT})


def counts(registry: Registry) -> dict[str, int]:
    """Return how many of everything there are."""
    tenants = {tenant for route in registry.routes for tenant in route.tenants} | {
        account.tenant for source in registry.sources.values() for account in source.accounts
    }
    return {"tenants": len(tenants), "sources": len(registry.sources), "workspaces": len(registry.destinations)}


def sources(registry: Registry) -> list[dict[str, JsonValue]]:
    """Return a row a source."""
    return [
        {
            "source": source.id,
            "region": source.region,
            "every": format_duration(source.poll_interval),
            "accounts": [account.tenant for account in source.accounts],
            "workspaces": [route.destination for route in registry.routes_from(source.id)],
            "paused": source.paused,
        }
        for source in registry.sources.values()
    ]


def states(registry: Registry) -> list[dict[str, JsonValue]]:
    """Return a row a tenant that is not active."""
    return [state(tenant, standing) for tenant, standing in sorted(registry.states.items())]


def state(tenant: str, standing: TenantState) -> dict[str, JsonValue]:
    """Return a tenant's state as a row."""
    since = standing.since.isoformat() if standing.since else None
    return {"tenant": tenant, "status": standing.status.value, "since": since, "by": standing.by, "why": standing.why}


def state_change(change: StateChange) -> dict[str, JsonValue]:
    """Return a change of state as a row."""
    return {**state(change.tenant, change.after), "before": change.before.status.value, "changed": change.changed}


def import_change(change: Change) -> dict[str, JsonValue]:
    """Return a change of an import as a row."""
    return {"tenant": change.what, "change": change.kind.value, "fields": list[JsonValue](change.fields)}


def table_of(rows: list[dict[str, JsonValue]]) -> Rows:
    """Return rows as a table, whose headings are the names of the first one's fields."""
    table = Rows(box=None, pad_edge=False, padding=(0, 2))
    for heading in rows[0] if rows else ():
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(cell) for cell in row.values()))
    return table


def import_lines(changes: tuple[Change, ...]) -> list[str]:
    """Return a line for each change that does something, and one with the counts."""
    lines = [
        f"{change.kind.value:8} {change.what}" + (f" ({', '.join(change.fields)})" if change.fields else "")
        for change in changes
        if change.kind not in _QUIET
    ]
    kinds = Counter(change.kind.value for change in changes)
    return [*lines, ", ".join(f"{count} {kind}" for kind, count in kinds.items())]


def _cell(value: JsonValue) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else ""
    return "" if value is None else str(value)
