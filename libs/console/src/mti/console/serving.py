"""Serves the console until it is told to stop."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from hypercorn.asyncio import serve as serve_app
from hypercorn.config import Config

from mti.common.errors import ConfigurationError
from mti.console.access import access_to
from mti.console.application import create_app
from mti.console.guard import ENTRY
from mti.console.workplace import Workplace

_ENDING: Final = 10
"""Seconds that requests in hand have at the end."""
_READING: Final = 60
"""Seconds that a connection may say nothing."""
_BACKLOG: Final = 128


async def serve(
    workplace: Workplace,
    stop: asyncio.Event,
    started: Callable[[str], None],
    *,
    host: str,
    port: int,
    names: Sequence[str] = (),
    with_token: bool = False,
) -> None:
    """Serve the console; what is in hand at the end is finished.

    Args:
        workplace: what it shows and works on.
        stop: ends it.
        started: is told the link to open, once it listens.
        host: the address to listen on.
        port: the port; 0 takes a free one.
        names: see `access_to`.
        with_token: see `access_to`.

    Raises:
        ConfigurationError: it can't listen there.
    """
    access_to(host, port, names, with_token=with_token)  # says what is wrong before the port is taken
    listening = _listen(host, port)
    taken: int = listening.getsockname()[1]
    access = access_to(host, taken, names, with_token=with_token)
    named = names[0] if names else f"[{host}]" if ":" in host else host
    where = f"http://{named}:{taken}"
    started(where if access.token is None else f"{where}{ENTRY}?token={access.token}")
    app: Any = create_app(workplace, access)  # Hypercorn has its own types for the messages of ASGI
    await serve_app(app, _config(listening.detach()), shutdown_trigger=stop.wait, mode="asgi")


def _config(descriptor: int) -> Config:
    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.accesslog = None
    config.errorlog = None  # what fails is logged by the application
    config.include_date_header = config.include_server_header = False
    config.graceful_timeout = _ENDING
    config.read_timeout = _READING
    return config


def _listen(host: str, port: int) -> socket.socket:
    address = "127.0.0.1" if host == "localhost" else host
    try:
        return socket.create_server(
            (address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET, backlog=_BACKLOG
        )
    except OSError as error:
        raise ConfigurationError(f"the console can't listen on {host}, port {port}: {error.strerror}") from error
