"""The namespace as a process of its own: `servicebus-local --config Config.json --data DIR`.

Prints one JSON line on stdout when it is ready and logs to stderr. Ends on SIGTERM and SIGINT. Exit status 2: it could
not start.
"""

import argparse
import asyncio
import logging
import signal
import sqlite3
import sys
from importlib.metadata import version
from pathlib import Path

from servicebus_local import lifeline
from servicebus_local.access import SharedAccessKeys
from servicebus_local.config import NamespaceConfig
from servicebus_local.errors import ConfigError, DataFolderBusy
from servicebus_local.namespace import Namespace
from servicebus_local.serving import serve


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="servicebus-local", description="Azure Service Bus on this machine, for development and tests."
    )
    parser.add_argument(
        "--config", type=Path, help="a Config.json as Microsoft's emulator reads it (default: no entities yet)"
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the messages")
    parser.add_argument("--port", type=int, default=0, help="AMQP port (default: a free one)")
    parser.add_argument("--http-port", type=int, default=0, help="administration port (default: a free one)")
    parser.add_argument("--keys", type=Path, help="a JSON file of SharedAccessKeys (default: any credentials will do)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="end at once when standard input does: with whoever started this, however that ends",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('servicebus-local')}")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    config = NamespaceConfig.build() if arguments.config is None else NamespaceConfig.load(arguments.config)
    keys = None if arguments.keys is None else SharedAccessKeys.load(arguments.keys)
    namespace = Namespace(config, arguments.data, arguments.port, arguments.http_port, host=arguments.host, keys=keys)
    await serve(namespace, stop)


def main() -> int:
    """Run until told to stop; returns the exit status."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        if arguments.until_stdin_closes:
            lifeline.hold()
        asyncio.run(_serve(arguments))
    except (ConfigError, DataFolderBusy, OSError, sqlite3.Error, RuntimeError) as error:
        logging.getLogger("servicebus_local").error("%s", error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
