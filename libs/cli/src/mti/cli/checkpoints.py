"""`mti checkpoints`: how far everything has come, and how a source is fetched again."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import RenderableType

from mti.cli.console import ask, output, say, write_json
from mti.cli.options import All, AsJson, Data, TenantsFile, Yes
from mti.cli.rows import pick
from mti.cli.tables import FittedTable, figures, words
from mti.common.errors import ConfigurationError
from mti.common.pauses import PauseState
from mti.deployment import open_deployment
from mti.operations.checkpoints import AllCheckpoints, SourceEntry, reset, show, source_of
from mti.operations.severity import severity
from mti.publisher.records import DestinationCheckpoint

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
    everything: All = False,
    as_json: AsJson = False,
) -> None:
    """Show the checkpoints of the sources and of the workspaces."""

    async def work() -> AllCheckpoints:
        async with open_deployment(data, tenants) as deployment:
            stores = await deployment.stores()
            await deployment.registry()  # faulty tenants are said, whatever is asked
            return await show(stores, source=source, destination=destination)

    checkpoints = asyncio.run(work())
    if as_json:
        write_json(checkpoints.document())
    else:
        _print(checkpoints, everything=everything)


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
            meant = source_of(await deployment.registry(), source)
            since = f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "its whole look-back"
            if not yes and not ask(f"Fetch {meant.id} again from {since} on?"):
                return
            done = await reset(stores, meant, moment, deployment.clock.now())
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
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or (moment.tzinfo is None and len(text) > len("2026-11-24")):
        raise ConfigurationError(f"--to {text}: is no time with a time zone; write 2026-11-24T10:15:30Z")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _print(checkpoints: AllCheckpoints, *, everything: bool) -> None:
    console = output()
    everything = everything or not console.is_terminal
    if checkpoints.sources:
        for renderable in _sources(checkpoints.sources, everything=everything):
            console.print(renderable)
    if checkpoints.destinations:
        for renderable in _destinations(checkpoints.destinations, everything=everything):
            console.print(renderable)
    if not checkpoints.sources and not checkpoints.destinations:
        say("There are no checkpoints yet.")


def _sources(sources: Mapping[str, SourceEntry], *, everything: bool) -> Iterator[RenderableType]:
    columns = [
        *words("covered until", "window"), *figures("page"), *words("next due", "account"),
        *figures("epoch", "failures"), *words("pause"),
    ]  # fmt: skip
    table = FittedTable(f"Sources ({len(sources):,})", "source", columns)
    picked, rest = pick(
        list(sources.items()),
        lambda entry: severity(entry[1].fetcher.pause, entry[1].fetcher.failures),
        everything=everything,
    )
    for name, entry in picked:
        each = entry.fetcher
        window = f"{_time(each.window.start)} - {_time(each.window.end)}" if each.window else "-"
        table.add_row(
            name, _time(each.covered_until), window, f"{each.page:,}", _time(each.next_due), each.account or "-",
            f"{each.epoch:,}", f"{each.failures:,}", _pause(each.pause),
        )  # fmt: skip
    yield table
    yield from rest


def _destinations(destinations: Mapping[str, DestinationCheckpoint], *, everything: bool) -> Iterator[RenderableType]:
    columns = [
        *figures("last message"), *words("of"), *figures("accepted", "refused", "requests", "throttled"),
        *words("pause"),
    ]  # fmt: skip
    table = FittedTable(f"Workspaces ({len(destinations):,})", "workspace", columns)
    picked, rest = pick(list(destinations.items()), lambda entry: severity(entry[1].pause), everything=everything)
    for name, each in picked:
        number = str(each.offset.sequence_number) if each.offset else "-"
        counts = (each.counts.accepted, each.counts.refused, each.counts.requests, each.counts.throttled)
        table.add_row(
            name, number, _time(each.offset.enqueued_at if each.offset else None), *(f"{count:,}" for count in counts),
            _pause(each.pause),
        )  # fmt: skip
    yield table
    yield from rest


def _time(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def _pause(pause: PauseState | None) -> str:
    return "-" if pause is None else f"{pause.reason} since {_time(pause.since)}"
