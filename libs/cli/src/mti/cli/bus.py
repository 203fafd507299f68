"""`mti bus`: the local namespace alone."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from mti.common.hosting import process
from mti.local.namespace import Namespace, NamespaceConfig
from mti.local.stack.layout import namespace_config


def command(
    config: Annotated[
        Path | None,
        typer.Option(help="Config.json of Microsoft's emulator; without it, the entities of this project."),
    ] = None,
    data: Annotated[Path, typer.Option(help="The folder that keeps the messages.")] = Path(".mti/bus"),
    port: Annotated[int, typer.Option(help="AMQP; 0 takes a free one.")] = 5672,
    host: Annotated[
        str, typer.Option(help="The address to listen on; beyond this machine only on purpose.")
    ] = "127.0.0.1",
    http_port: Annotated[int, typer.Option(help="Administration over HTTP; 0 takes a free one.")] = 5300,
) -> None:
    """Serve a Service Bus namespace on this machine, for development and tests."""
    entities = NamespaceConfig.load(config) if config else namespace_config()

    async def main(stop: asyncio.Event) -> None:
        async with Namespace(entities, data, port=port, http_port=http_port, host=host) as namespace:
            ready = {
                "port": namespace.port,
                "http_port": namespace.http_port,
                "connection_string": namespace.connection_string,
            }
            sys.stdout.write(json.dumps(ready) + "\n")
            sys.stdout.flush()
            await stop.wait()

    process.run(main)
