"""`mti pauses`: what is left alone and why, and its end by a person's word."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer
from pydantic import JsonValue

from mti.cli.console import output, say, write_json
from mti.cli.options import All, AsJson, Data, TenantsFile
from mti.cli.rows import pick
from mti.cli.tables import FittedTable, prose, words
from mti.deployment import open_deployment
from mti.operations.pauses import Held, Selection, held, lift, paused_by_people
from mti.operations.wording import NAMED, several

app = typer.Typer(
    help="List what is paused and why; end a pause at once.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Source = Annotated[str | None, typer.Option(help="One source: contoso/malware_customer, grid:eu, …")]
Destination = Annotated[str | None, typer.Option(help="One workspace's id.")]
Tenant = Annotated[str | None, typer.Option(help="One tenant's sources, those that it shares, and its workspaces.")]


@app.command("list")
def list_(
    data: Data = None,
    tenants: TenantsFile = None,
    source: Source = None,
    destination: Destination = None,
    tenant: Tenant = None,
    everything: All = False,
    as_json: AsJson = False,
) -> None:
    """List the sources and workspaces that are left alone: why, since when, and when they are asked again."""
    selection = Selection(source=source, destination=destination, tenant=tenant)

    async def work() -> tuple[list[Held], list[str]]:
        async with open_deployment(data, tenants) as deployment:
            stores, registry = await deployment.stores(), await deployment.registry()
            return await held(stores, registry, selection, deployment.clock.now()), paused_by_people(registry)

    paused, notes = asyncio.run(work())
    if as_json:
        write_json({"paused": [one.document() for one in paused], "notes": list[JsonValue](notes)})
        return
    _print(paused, everything=everything)
    for note in notes:
        say(f"note: {note}")


@app.command("lift")
def lift_(
    data: Data = None,
    tenants: TenantsFile = None,
    source: Source = None,
    destination: Destination = None,
    tenant: Tenant = None,
    everything: Annotated[bool, typer.Option("--all", help="Every source and every workspace.")] = False,
    as_json: AsJson = False,
) -> None:
    """End pauses now, since the cause is mended. What is still at fault is paused again when it is asked."""
    selection = Selection(source=source, destination=destination, tenant=tenant, everything=everything)

    async def work() -> tuple[list[Held], int | None, list[str]]:
        async with open_deployment(data, tenants) as deployment:
            stores, registry = await deployment.stores(), await deployment.registry()
            lifted = await lift(stores, registry, selection, deployment.clock.now())
            released = await deployment.release(lifted)
        return lifted, released.messages, list(released.notes)

    lifted, released, notes = asyncio.run(work())
    if as_json:
        document: dict[str, JsonValue] = {
            "lifted": [one.document() for one in lifted],
            "released": released,
            "notes": list[JsonValue](notes),
        }
        write_json(document)
        return
    for one in lifted:
        say(f"The pause of {one.kind} {one.id} ended; it was {one.reason} since {_time(one.since)}.")
    if not lifted:
        say("Nothing of these is paused.")
    for note in notes:
        say(f"note: {note}")


def _print(paused: list[Held], *, everything: bool) -> None:
    if not paused:
        say("Nothing is paused.")
        return
    table = FittedTable("Paused", "what", [*words("since", "asked again"), *prose("tenants", "why")])
    console = output()
    everything = everything or not console.is_terminal
    picked, rest = pick(paused, lambda _: 1, everything=everything)
    for one in picked:
        why = one.description if one.description.startswith(one.reason) else f"{one.reason}: {one.description}"
        name = f"{one.kind} {one.id}"
        table.add_row(
            name, _time(one.since), _time(one.until), several(one.tenants, None if everything else NAMED), why
        )
    console.print(table)
    for line in rest:
        console.print(line)


def _time(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"
