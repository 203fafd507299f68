"""`mti demo`: the whole pipeline on simulated feeds with faults, and the truth beside the books at the end."""

import asyncio
import os
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from mti.cli import truth
from mti.cli.console import Terminal, errors, write_json
from mti.cli.exit import FAILED
from mti.cli.progress import Progress
from mti.cli.sharing import share_imports
from mti.common.escaping import on_one_line
from mti.common.hosting import process
from mti.common.registry import load_registry
from mti.stack.demo import Outcome, Sabotage, Simulation, outcome_of, sabotage
from mti.stack.run import run
from mti.stack.stack import EmbeddedStack, StackOptions


def command(
    detections: Annotated[int, typer.Option(min=300, help="How many detections all feeds hold together.")] = 100_000,
    seed: Annotated[int, typer.Option(help="The feeds and the faults follow from it.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Keep everything in this folder; else it is thrown away.")] = None,
    break_it: Annotated[
        Sabotage | None, typer.Option("--break", help="Break it on purpose, to see that the demo notices.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout at the end.")] = False,
) -> None:
    """Run six tenants in two regions through the whole pipeline, with faults, and reconcile the outcome."""
    share_imports()
    outcomes: list[Outcome] = []
    console = errors()
    with ExitStack() as cleanup:
        folder = data or Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="mti-demo-")))
        folder.mkdir(parents=True, exist_ok=True)

        async def main(stop: asyncio.Event) -> None:
            kept = data is not None
            outcomes.append(await _demonstrate(folder, detections, seed, break_it, stop, console, kept=kept))

        process.run(main)
    outcome = outcomes[0]
    if as_json:
        write_json(outcome.document())
    else:
        truth.print_truth(outcome, console)
        console.print_sentence(on_one_line(_what_next(data)))
    if not outcome.clean:
        raise typer.Exit(FAILED)


def _what_next(data: Path | None) -> str:
    """Say how the outcome is looked at in a browser."""
    program = sys.argv[0] if os.sep in sys.argv[0] else "mti"
    if data is None:
        return f"With `--data DIR` it is kept, and `{program} console --data DIR/stack` shows it in a browser."
    return f"To see it in a browser: {program} console --data {data / 'stack'}"


async def _demonstrate(
    folder: Path,
    detections: int,
    seed: int,
    break_it: Sabotage | None,
    stop: asyncio.Event,
    console: Terminal,
    *,
    kept: bool,
) -> Outcome:
    async with Simulation(folder, detections, seed) as simulation:
        console.print(
            f"{simulation.detections:,} detections for {len(simulation.workspaces)} workspaces wait at a "
            "simulated Mimecast; both sides will misbehave: 429, 500, an HTML page, a truncated page, lost answers, "
            "a partial answer, one object refused for ever."
        )
        secrets = simulation.secrets()
        options = StackOptions(
            tenants=simulation.tenants,
            data=folder / "stack",
            registry=load_registry(simulation.tenants, allow_loopback=True),
            run_started=datetime.now(UTC),
            allow_loopback=True,
            until_idle=True,
            environment=secrets,
        )
        async with EmbeddedStack(options) as stack:
            with Progress(stack, console) as progress:
                if break_it is not None:
                    await sabotage(stack, break_it)
                result = await run(stack, stop, progress.update)
            if kept:
                await simulation.keep(stack.layout.workspaces_folder())
        truths = [await simulation.truth(workspace) for workspace in simulation.workspaces]
    return outcome_of(result, truths, simulation.detections)
