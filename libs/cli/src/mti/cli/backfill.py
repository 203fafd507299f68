"""`mti backfill`: gives a workspace all that is still valid, when its tenant joined late or it was built anew."""

import asyncio
from typing import Annotated

import typer

from mti.cli.console import ask, say, write_json
from mti.cli.options import AsJson, Data, TenantsFile, Yes
from mti.deployment import Deployment, open_deployment
from mti.operations.backfill import SHARE, Backfill, BackfillResult, Progress, Selection, run_name
from mti.operations.stores import Stores
from mti.publisher.records import DestinationCheckpoint, destination_checkpoints

SAY_EVERY = 25
"""Messages."""


def command(
    tenant: Annotated[str, typer.Option(help="The tenant's id.")],
    data: Data = None,
    tenants: TenantsFile = None,
    destination: Annotated[str | None, typer.Option(help="One of its workspaces; else all of them.")] = None,
    source: Annotated[str | None, typer.Option(help="One of its sources; else all of them.")] = None,
    rebuilt: Annotated[
        bool,
        typer.Option("--rebuilt", help="The workspace was built anew: send also what the books say that it holds."),
    ] = False,
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="Messages a minute; by default half of what the workspace takes.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Send a tenant's workspace all that is still valid. Killed half way and run again, it goes on where it stopped."""
    selection = Selection(tenant=tenant, destination=destination, source=source, rebuilt=rebuilt)

    async def work() -> list[BackfillResult]:
        async with open_deployment(data, tenants) as deployment:
            routes = selection.routes(await deployment.registry())
            if (
                rebuilt
                and not (dry_run or yes)
                and not ask(f"Send {', '.join(sorted(routes))} everything again, which Sentinel bills once more?")
            ):
                return []
            await _report_pauses(await deployment.stores(), list(routes))
            return await _backfill(deployment, selection, rate, dry_run=dry_run)

    results = asyncio.run(work())
    if as_json:
        write_json({"tenant": tenant, "rebuilt": rebuilt, "destinations": [result.document() for result in results]})
        return
    for result in results:
        _say(result)


async def _backfill(
    deployment: Deployment, selection: Selection, rate: float | None, *, dry_run: bool
) -> list[BackfillResult]:
    registry = await deployment.registry()
    slowest = min(registry.destinations[each].requests_per_minute for each in selection.routes(registry))
    # Where nothing runs there is nothing that could be starved.
    pace = rate or (slowest * SHARE if await deployment.is_running() else None)
    work = Backfill(
        registry,
        (await deployment.stores()).normalizer,
        await deployment.indicators(),
        deployment.clock,
        lambda: run_name(deployment.clock),
        rate=pace,
        on_progress=_progress,
    )
    return await work.run(selection, dry_run=dry_run)


async def _report_pauses(stores: Stores, destinations: list[str]) -> None:
    checkpoints = destination_checkpoints(stores.publisher.container("checkpoints"))
    for destination in destinations:
        pause = (await checkpoints.load(destination, DestinationCheckpoint())).value.pause
        if pause is not None:
            say(f"workspace {destination} is paused, and what is sent waits: {pause.reason}: {pause.description}")


def _progress(destination: str, progress: Progress) -> None:
    if progress.messages and progress.messages % SAY_EVERY == 0 and progress.finished is None:
        say(f"{destination}: {progress.sent:,} indicators in {progress.messages:,} messages")


def _say(result: BackfillResult) -> None:
    progress = result.progress
    verb = "would be sent" if result.dry_run else "sent"
    left_out = [f"{progress.expired:,} no longer valid"] if progress.expired else []
    left_out += [f"{progress.withheld:,} withdrawn or not allowed by the policy"] if progress.withheld else []
    more = f"; left out: {', '.join(left_out)}" if left_out else ""
    went_on = f", going on with run {progress.run}" if result.resumed else ""
    say(f"{result.destination}: {progress.sent:,} indicators {verb} in {progress.messages:,} messages{went_on}{more}.")
