"""What a fork server's child does: it puts on the surroundings that were asked for, and runs the program."""

import os
import socket
import sys
from typing import TextIO

from mti.stack.launching import lifeline, program, title
from mti.stack.launching.request import Request
from mti.stack.launching.servers import fork_a_server


def become(descriptors: list[int]) -> tuple[socket.socket, int] | None:
    """Run what is asked for, and return `None` when it is done.

    Where the program is to have a fork server of its own this forks once more, and returns in the new process what a
    server serves with: the socket of its requests and what ends with its owner.
    """
    *streams, line, report = descriptors
    with socket.socket(fileno=report) as asked:
        request = Request.received(asked)
    if request.serving and (serving := fork_a_server()) is not None:
        for descriptor in (*streams, line):
            os.close(descriptor)
        return serving
    if request.new_session:
        os.setsid()
    _take(streams)
    os.chdir(request.folder)
    title.show([sys.executable, *request.arguments])
    os.environ.clear()
    os.environ.update(request.environment)
    lifeline.hold(socket.socket(fileno=line))
    program.run(request.arguments)
    return None


def _take(streams: list[int]) -> None:
    """Make the descriptors the standard ones, and forget how those of the server were buffered."""
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  for as long as this process lives
    sys.stdout = _written(1, "surrogateescape")
    sys.stderr = _written(2, "backslashreplace")


def _written(number: int, errors: str) -> TextIO:
    return open(number, "w", buffering=1, encoding="utf-8", errors=errors, closefd=False)
