"""`mti status`, quick while everything runs, and `mti reconcile`, exact."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live

from mti.cli import report
from mti.cli.console import errors, say, write_json
from mti.cli.exit import FAILED
from mti.cli.options import All, AsJson, Data, TenantsFile
from mti.cli.status_tables import status_view
from mti.common.errors import ConfigurationError
from mti.deployment import Deployment, open_deployment
from mti.operations.books import Reconciliation
from mti.operations.reconcile import reconcile
from mti.operations.status import Status, take_status


def status(
    data: Data = None,
    tenants: TenantsFile = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=0.5, help="Seconds between two looks of --watch.")] = 5.0,
    everything: All = False,
    as_json: AsJson = False,
) -> None:
    """Show what came in, what became of it, what waits and why: quickly, while everything runs."""
    if watch and as_json:
        raise ConfigurationError("--watch and --json exclude each other: --json is one document of one look")
    try:
        asyncio.run(
            _watch(data, tenants, every, everything) if watch else _once(data, tenants, everything, as_json=as_json)
        )
    except KeyboardInterrupt:
        return


def reconcile_(
    data: Data = None, tenants: TenantsFile = None, everything: All = False, as_json: AsJson = False
) -> None:
    """Compare every detection and every indicator with what became of it; exit status 1 when the books do not close."""

    async def work() -> Reconciliation:
        async with open_deployment(data, tenants) as deployment:
            registry, view = await deployment.registry(), await deployment.view()
            return await reconcile(registry, await deployment.stores(), view, deployment.topology)

    books = asyncio.run(work())
    faults = books.faults()
    if as_json:
        write_json({**books.document(), "faults": list(faults)})
    else:
        report.print_books(books, errors(), everything=everything)
        say("The books close." if books.closed else report.open_line(faults))
    if not books.closed:
        raise typer.Exit(FAILED)


async def _once(data: Path | None, tenants: Path | None, everything: bool, *, as_json: bool) -> None:
    async with open_deployment(data, tenants) as deployment:
        taken = await (await _measuring(deployment))()
    if as_json:
        write_json(taken.document())
    else:
        console = errors()
        console.print(status_view(taken, everything=everything or not console.is_terminal))


async def _watch(data: Path | None, tenants: Path | None, every: float, everything: bool) -> None:
    console = errors()
    async with open_deployment(data, tenants) as deployment:
        measure = await _measuring(deployment)
        if not console.is_terminal:
            while True:
                console.print(status_view(await measure()))
                await deployment.clock.sleep(every)
        with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
            while True:
                live.update(status_view(await measure(), everything=everything), refresh=True)
                await deployment.clock.sleep(every)


async def _measuring(deployment: Deployment) -> Callable[[], Awaitable[Status]]:
    """Return what takes the status of a deployment, now and again."""
    registry, view = await deployment.registry(), await deployment.view()
    return partial(take_status, registry, await deployment.stores(), view, deployment.clock, deployment.topology)
