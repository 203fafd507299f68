"""A fork server that is forked from this process itself: what it imports anyway is not imported a second time."""

import gc
import os
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module

from mti.stack.launching import fork_server, title
from mti.stack.launching.launcher import FORKING
from mti.stack.launching.servers import SHARED, fork_a_server


def fork_from_here(modules: Sequence[str]) -> Callable[[], None] | None:
    """Have all launchers of this process use a server that is forked from it now, with these modules imported.

    Nothing is done where forking is not safe, where they share a server already, or where a thread runs, which a fork
    would lose.

    Returns:
        In the new process, what serves. It is to be called when all that this process was doing is left, and what
        follows is the end. `None` in this process.
    """
    if not FORKING or SHARED.server is not None:
        return None
    for name in modules:
        import_module(name)
    if fork_server.threads() != 1:
        return None
    gc.freeze()
    for stream in filter(None, (sys.stdout, sys.stderr)):  # either may be closed
        stream.flush()
    serving = fork_a_server()
    return None if serving is None else partial(_serve, *serving)


def _serve(control: socket.socket, owner: int) -> None:
    """Be the server, away from the terminal: Ctrl-C is for who uses it, and what is piped ends with who wrote it."""
    os.setsid()
    title.show([sys.executable, "-m", fork_server.__name__])
    with open(os.devnull, "r+b") as nothing:  # noqa: PTH123
        for stream in (0, 1):
            os.dup2(nothing.fileno(), stream)
    fork_server.serve(control, owner)
