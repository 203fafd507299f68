"""`mti bus`: the local namespace alone."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from mti.common.errors import ConfigurationError, MtiError
from mti.common.hosting import process
from mti.stack.layout import namespace_config
from servicebus_local import ConfigError, DataFolderBusy, Namespace, NamespaceConfig, SharedAccessKeys
from servicebus_local.serving import serve


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
    keys: Annotated[
        Path | None, typer.Option(help="A JSON file of SharedAccessKeys to check; without it any credentials will do.")
    ] = None,
    http_port: Annotated[int, typer.Option(help="Administration over HTTP; 0 takes a free one.")] = 5300,
) -> None:
    """Serve a Service Bus namespace on this machine, for development and tests.

    When it is ready it prints one line of JSON: its ports, the connection string, and the certificate for TLS.
    """
    try:
        entities = NamespaceConfig.load(config) if config else namespace_config()
        access = SharedAccessKeys.load(keys) if keys else None
    except (ConfigError, OSError) as error:
        raise ConfigurationError(str(error)) from error

    async def main(stop: asyncio.Event) -> None:
        await serve(Namespace(entities, data, port=port, http_port=http_port, host=host, keys=access), stop)

    try:
        process.run(main)
    except (DataFolderBusy, OSError) as error:
        raise MtiError(f"the namespace cannot be served: {error}") from error
