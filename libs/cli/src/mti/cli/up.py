"""`mti up`: the embedded stack against whatever endpoints the tenants file names."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from mti.cli import report
from mti.cli.console import errors, say, write_json
from mti.cli.exit import FAILED, WAITING
from mti.cli.progress import Progress
from mti.cli.sharing import share_imports
from mti.common.errors import ConfigurationError
from mti.common.hosting import process
from mti.common.hosting.starting import patiently
from mti.deployment.embedded import followed_tenants
from mti.deployment.tenants import require_secrets
from mti.operations.stores import SERVICES
from mti.stack.errors import StackError
from mti.stack.run import RunResult, run
from mti.stack.stack import EmbeddedStack, StackOptions


def command(
    tenants: Annotated[Path, typer.Option(help="The tenants file.")],
    data: Annotated[Path, typer.Option(help="The folder that keeps everything; run again on it to go on.")],
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="Fetch every source once, deliver, reconcile, end.")
    ] = False,
    scale: Annotated[
        list[str] | None, typer.Option(help="Processes of a service, such as normalizer=2. May be repeated.")
    ] = None,
    allow_loopback: Annotated[
        bool, typer.Option("--allow-loopback", help="Accept endpoints on this machine, by plain http too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout at the end.")] = False,
) -> None:
    """Run the whole pipeline on this machine: local namespace, SQLite, the three services as processes.

    With --until-idle it ends with status 0 when everything is delivered and the books close, 1 when they do not, and 3
    when they close and something is paused: all that could be delivered is, and a person has to see to the rest.
    """
    processes = parse_scale(scale or [])
    share_imports()
    results: list[RunResult] = []

    async def main(stop: asyncio.Event) -> None:
        async with AsyncExitStack() as held:
            registry = await patiently(
                lambda: held.enter_async_context(followed_tenants(data, tenants, allow_loopback=allow_loopback)), stop
            )
            if registry is None:
                return
            await require_secrets(registry.current, tenants)
            options = StackOptions(
                tenants=tenants,
                data=data,
                registry=registry,
                run_started=datetime.now(UTC),
                allow_loopback=allow_loopback,
                until_idle=until_idle,
                scale=processes,
            )
            async with EmbeddedStack(options) as stack:
                with Progress(stack, errors()) as progress:
                    results.append(await run(stack, stop, progress.update))

    process.run(main)
    if not results:
        raise StackError("it was told to end before it had begun")
    finish(results[0], as_json=as_json, until_idle=until_idle)


def finish(result: RunResult, *, as_json: bool, until_idle: bool) -> None:
    """Print the outcome and end with the status that it deserves."""
    if as_json:
        write_json(result.document())
    else:
        report.print_run(result, errors())
    if not result.closed:
        raise typer.Exit(FAILED)
    if until_idle and result.paused:
        if as_json:
            say(report.waiting_line(result.paused))
        raise typer.Exit(WAITING)


def parse_scale(words: list[str]) -> dict[str, int]:
    """Read `normalizer=2`.

    Raises:
        ConfigurationError: it names no service, or no number of processes.
    """
    processes: dict[str, int] = {}
    for word in words:
        service, _, count = word.partition("=")
        if service not in SERVICES or not count.isascii() or not count.isdigit() or not 1 <= int(count) <= 64:
            raise ConfigurationError(f"--scale {word}: write SERVICE=COUNT, SERVICE one of {', '.join(SERVICES)}")
        processes[service] = int(count)
    return processes
