"""The local namespace as a child of the stack: `python -m mti.local.stack.bus_process DIR PORT HTTP_PORT`."""

import asyncio
import json
import sys
from pathlib import Path

from mti.common.hosting import process
from mti.common.logs import configure
from mti.local.namespace import Namespace
from mti.local.stack.layout import namespace_config


async def main(stop: asyncio.Event) -> None:
    """Serve until told to stop."""
    data, port, http_port = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    async with Namespace(namespace_config(), data, port=port, http_port=http_port) as namespace:
        ready = {
            "port": namespace.port,
            "http_port": namespace.http_port,
            "connection_string": namespace.connection_string,
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    configure("bus", "INFO")
    process.run(main)
