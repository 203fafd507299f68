"""A namespace as the whole work of a process: it says on stdout where it listens, and serves until told to stop."""

import asyncio
import gc
import json
import sys

from servicebus_local.namespace import Namespace

_OBJECTS_UNTIL_A_COLLECTION = 20_000
"""Python's 700 makes it look through a long backlog, which holds no garbage, again and again."""


async def serve(namespace: Namespace, stop: asyncio.Event) -> None:
    """Start the namespace, print one line of JSON, and serve until `stop` is set.

    The line is `{"port": N, "http_port": M, "connection_string": "…", "certificate": "…"}`.
    """
    gc.set_threshold(_OBJECTS_UNTIL_A_COLLECTION)
    async with namespace:
        ready = {
            "port": namespace.port,
            "http_port": namespace.http_port,
            "connection_string": namespace.connection_string,
            "certificate": str(namespace.certificate.resolve()),
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await stop.wait()
