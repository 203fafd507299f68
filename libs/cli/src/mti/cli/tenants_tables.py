"""What `mti tenants` shows: plain data for JSON, and tables of it for a terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from mti.cli.console import Terminal
from mti.cli.rows import SHOWN, pick
from mti.cli.tables import FittedTable, prose, words
from mti.common.registry import Registry, TenantState
from mti.common.registry.durations import format_duration
from mti.operations.severity import severity
from mti.operations.tenants import Change, ChangeKind, StateChange
from mti.operations.wording import NAMED, several

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


def print_registry(registry: Registry, console: Terminal, *, everything: bool) -> None:
    """Print how many of everything there are, who is not active, and the sources.

    Args:
        registry: the tenants.
        console: where to.
        everything: whether long tables are printed whole, as they are where nobody sits at a terminal.
    """
    everything = everything or not console.is_terminal
    standing = states(registry)
    if len(standing) > SHOWN or len(registry.sources) > SHOWN:
        console.print_sentence(", ".join(f"{count:,} {what}" for what, count in counts(registry).items()))
    picked, rest = pick(sources(registry), lambda row: severity(row["paused"]), everything=everything)
    console.print(source_table(picked, everything=everything))
    for line in rest:
        console.print(line)
    if standing:
        picked, rest = pick(standing, lambda _: 1, everything=everything)
        console.print(state_table(picked))
        for line in rest:
            console.print(line)


def source_table(rows: Sequence[Mapping[str, JsonValue]], *, everything: bool) -> FittedTable:
    """Return the rows of `sources` as a table.

    Args:
        rows: those that are shown.
        everything: whether long lists are told whole.
    """
    table = FittedTable("", "source", [*words("region", "every", "paused"), *prose("accounts", "workspaces")])
    most = None if everything else NAMED
    for row in rows:
        cells = (_cell(row[key], most) for key in ("region", "every", "paused", "accounts", "workspaces"))
        table.add_row(_cell(row["source"]), *cells)
    return table


def state_table(rows: Sequence[Mapping[str, JsonValue]]) -> FittedTable:
    """Return the rows of `states` as a table."""
    table = FittedTable("", "tenant", [*words("status", "since", "by"), *prose("why")])
    for row in rows:
        table.add_row(_cell(row["tenant"]), *(_cell(row[key]) for key in ("status", "since", "by", "why")))
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


def _cell(value: JsonValue, most: int | None = None) -> str:
    if isinstance(value, list):
        return several([str(each) for each in value], most)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
