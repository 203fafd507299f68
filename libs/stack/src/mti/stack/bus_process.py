"""The local namespace as a child of the stack: `python -m mti.stack.bus_process DIR PORT HTTP_PORT`."""

import asyncio
import sys
from pathlib import Path

from mti.common.hosting import process
from mti.common.logs import configure
from mti.stack.layout import namespace_config
from servicebus_local import Namespace
from servicebus_local.serving import serve


async def main(stop: asyncio.Event) -> None:
    """Serve until told to stop."""
    data, port, http_port = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    await serve(Namespace(namespace_config(), data, port=port, http_port=http_port), stop)


if __name__ == "__main__":
    configure("bus", "INFO")
    process.run(main)
