"""`mti checkpoints`: how far everything has come, and how a source is fetched again."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from mti.cli.console import ask, output, say, write_json
from mti.cli.options import AsJson, Data, TenantsFile, Yes
from mti.cli.report import new_table
from mti.common.errors import ConfigurationError
from mti.common.pauses import PauseState
from mti.deployment import open_deployment
from mti.operations.checkpoints import AllCheckpoints, reset, show, source_of

app = typer.Typer(
    help="Show how far everything has come; fetch a source again.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command("show")
def show_(
    data: Data = None,
    tenants: TenantsFile = None,
    source: Annotated[str | None, typer.Option(help="One source: contoso/malware_customer, grid:eu, …")] = None,
    destination: Annotated[str | None, typer.Option(help="One workspace's id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the checkpoints of the sources and of the workspaces."""

    async def work() -> AllCheckpoints:
        async with open_deployment(data, tenants) as deployment:
            stores = await deployment.stores()
            await deployment.registry()  # faulty tenants are said, whatever is asked
            return await show(stores, source=source, destination=destination)

    found = asyncio.run(work())
    if as_json:
        write_json(found.document())
    else:
        _print(found)


@app.command("reset")
def reset_(
    source: Annotated[str, typer.Option(help="The source: contoso/malware_customer, grid:eu, …")],
    data: Data = None,
    tenants: TenantsFile = None,
    to: Annotated[
        str | None, typer.Option(help="Fetch again from this time on: 2026-11-24T10:15:30Z. By default the look-back.")
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Drop a source's window and token, and fetch it again; what is known already is suppressed, not doubled."""
    moment = None if to is None else time_of(to)

    async def work() -> None:
        async with open_deployment(data, tenants) as deployment:
            stores = await deployment.stores()
            found = source_of(await deployment.registry(), source)
            since = f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "its whole look-back"
            if not yes and not ask(f"Fetch {found.id} again from {since} on?"):
                return
            done = await reset(stores, found, moment, deployment.clock.now())
        if as_json:
            write_json(done.document())
        else:
            say(f"{done.source} is fetched again from {_time(done.fetches_from)} UTC on (epoch {done.epoch}).")

    asyncio.run(work())


def time_of(text: str) -> datetime:
    """Read a time with its zone; a day alone begins in UTC.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or (found.tzinfo is None and len(text) > len("2026-11-24")):
        raise ConfigurationError(f"--to {text}: is no time with a time zone; write 2026-11-24T10:15:30Z")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _print(found: AllCheckpoints) -> None:
    console = output()
    if found.sources:
        table = new_table("Sources", "source")
        for heading in (
            "covered until",
            "window",
            "page",
            "next due",
            "account",
            "epoch",
            "failures",
            "pause",
        ):
            table.add_column(heading, overflow="fold")
        for name, entry in found.sources.items():
            at = entry.fetcher
            window = f"{_time(at.window.start)} - {_time(at.window.end)}" if at.window else "-"
            table.add_row(
                name, _time(at.covered_until), window, str(at.page), _time(at.next_due), at.account or "-",
                str(at.epoch), str(at.failures), _pause(at.pause),
            )  # fmt: skip
        console.print(table)
    if found.destinations:
        table = new_table("Workspaces", "workspace")
        for heading in ("last message", "of", "accepted", "refused", "requests", "throttled", "pause"):
            table.add_column(heading, overflow="fold")
        for name, each in found.destinations.items():
            number = str(each.offset.sequence_number) if each.offset else "-"
            counts = each.counts
            table.add_row(
                name, number, _time(each.offset.enqueued_at if each.offset else None), f"{counts.accepted:,}",
                f"{counts.refused:,}", f"{counts.requests:,}", f"{counts.throttled:,}", _pause(each.pause),
            )  # fmt: skip
        console.print(table)
    if not found.sources and not found.destinations:
        say("There are no checkpoints yet.")


def _time(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def _pause(pause: PauseState | None) -> str:
    return "-" if pause is None else f"{pause.reason} since {_time(pause.since)}"
