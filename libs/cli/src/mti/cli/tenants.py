"""`mti tenants`: what the tenants file says, and whether it is right."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue
from rich.console import Console
from rich.table import Table

from mti.cli.secrets import require_secrets
from mti.common.registry import Registry, load_registry
from mti.common.registry.durations import format_duration

app = typer.Typer(help="Check and list the tenants.", no_args_is_help=True, rich_markup_mode=None)

TenantsFile = Annotated[Path, typer.Option("--tenants", help="The tenants file.")]
Loopback = Annotated[bool, typer.Option("--allow-loopback", help="Accept endpoints on this machine.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@app.command()
def validate(
    tenants: TenantsFile,
    allow_loopback: Loopback = False,
    secrets: Annotated[bool, typer.Option("--secrets", help="Read every secret as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check the file; all that is wrong with it is said at once, with tenant, field and cure."""
    registry = load_registry(tenants, allow_loopback=allow_loopback)
    if secrets:
        asyncio.run(require_secrets(registry, tenants))
    found = _counts(registry)
    if as_json:
        sys.stdout.write(json.dumps({"valid": True, **found}) + "\n")
    else:
        counts = ", ".join(f"{count} {what}" for what, count in found.items())
        Console(stderr=True).print(f"{tenants} is valid: {counts}", highlight=False, soft_wrap=True)


@app.command("list")
def list_(tenants: TenantsFile, allow_loopback: Loopback = False, as_json: AsJson = False) -> None:
    """Show each source with its accounts and the workspaces that it is routed to."""
    registry = load_registry(tenants, allow_loopback=allow_loopback)
    rows = _rows(registry)
    if as_json:
        sys.stdout.write(json.dumps({"sources": rows}, indent=2) + "\n")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for heading in ("source", "region", "every", "accounts", "workspaces"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(", ".join(map(str, cell)) if isinstance(cell, list) else str(cell) for cell in row.values()))
    Console().print(table)


def _counts(registry: Registry) -> dict[str, int]:
    tenants = {route.tenant for route in registry.routes}
    return {"tenants": len(tenants), "sources": len(registry.sources), "workspaces": len(registry.destinations)}


def _rows(registry: Registry) -> list[dict[str, JsonValue]]:
    return [
        {
            "source": source.id,
            "region": source.region,
            "every": format_duration(source.poll_interval),
            "accounts": [account.tenant for account in source.accounts],
            "workspaces": [route.destination for route in registry.routes_from(source.id)],
        }
        for source in registry.sources.values()
    ]
