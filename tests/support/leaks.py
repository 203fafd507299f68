"""Notices sockets that were left open, and whose they are.

The Service Bus SDK's asynchronous client leaves a socket open when a connection breaks or is refused while it opens;
the garbage collector finds it in whatever test comes later. Those are let pass, and so is what a server's event loop
has accepted: it is left when a test ends its loop while a client is there. Any other socket that is found open is a
fault of ours: the test in which it is found fails, and names the line that made it.
"""

import asyncio
import socket
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

SDK = "azure.servicebus"
"""The package whose sockets are not ours to close."""
ACCEPTED = "a server's event loop"
"""Who makes the sockets of a server's connections."""
ROOT = str(Path(__file__).parents[2])

_made: dict[int, str] = {}
"""Where the socket was made that is, or was last, at an address: what collects garbage clears weak references first."""
_leaks: list[str] = []


def _remember(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.__new__" and isinstance(arguments[0], socket.socket):
        _made[id(arguments[0])] = maker(sys._getframe(1))


def maker(frame: FrameType | None) -> str:
    """Return whose a socket is that is made in this frame: a server's loop, the SDK, or the line of this project."""
    ours = ""
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith(SDK):
            return SDK
        if frame.f_code.co_name == "_accept_connection":
            return ACCEPTED
        if not ours and frame.f_code.co_filename.startswith(ROOT) and "/.venv/" not in frame.f_code.co_filename:
            ours = f"{module}:{frame.f_lineno}"
        frame = frame.f_back
    return ours or "a library, in a task of its own"


def found_open(message: warnings.WarningMessage) -> str | None:
    """Return where a socket was made that a warning says was left open; None when it is let pass, or no socket's."""
    text = str(message.message)
    if not issubclass(message.category, ResourceWarning) or not text.startswith("unclosed "):
        return None
    made = _made.get(id(socket_of(message.source)), "unknown")
    return None if made in {SDK, ACCEPTED} else f"{text}, made by {made}"


def socket_of(source: object) -> object:
    """Return the socket that a warning is of. A transport forgets its own once it is closed, but not its view of it."""
    if isinstance(source, asyncio.BaseTransport):
        return getattr(source.get_extra_info("socket"), "_sock", source)
    return source


def pytest_configure() -> None:
    sys.addaudithook(_remember)


def pytest_warning_recorded(warning_message: warnings.WarningMessage) -> None:
    if (leak := found_open(warning_message)) is not None:
        _leaks.append(leak)


@pytest.fixture(autouse=True)
def _no_socket_is_left_open() -> Iterator[None]:
    yield
    if _leaks:
        leaks, _leaks[:] = list(_leaks), []
        pytest.fail("\n".join(["left open, by this test or an earlier one:", *leaks]))
