"""`mti console`: the operator's pages, which are a member of their own and started by name."""

import asyncio
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from mti.cli.console import say
from mti.cli.options import Data, TenantsFile
from mti.common.hosting import process

PORT = 8642


def command(
    data: Data = None,
    tenants: TenantsFile = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where it listens; 0 takes a free port.")] = PORT,
    host: Annotated[str, typer.Option(help="The address to listen on; beyond this machine with a token.")] = (
        "127.0.0.1"
    ),
    name: Annotated[
        list[str] | None, typer.Option(help="What browsers call it, where that is not the address. May be repeated.")
    ] = None,
    token: Annotated[bool, typer.Option("--token", help="Ask for a token on this machine too.")] = False,
) -> None:
    """Serve the operator's pages: what is unwell, tenants, dead letters, pauses, withdrawals, books, dashboards."""
    workplace: Any = import_module("mti.console.workplace").Workplace(_absolute(data), _absolute(tenants))
    serve: Any = import_module("mti.console.serving").serve

    async def main(stop: asyncio.Event) -> None:
        await serve(workplace, stop, _started, host=host, port=port, names=name or (), with_token=token)

    process.run(main)


def _started(link: str) -> None:
    say(f"The console is at {link}", style="bold")
    say("Ctrl-C ends it.")


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()
