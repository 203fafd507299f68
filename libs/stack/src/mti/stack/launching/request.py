"""What a fork server is asked: sent over a socket of its own, so that it may be of any length."""

import json
import socket
from dataclasses import asdict, dataclass
from typing import Self

_LENGTH = 8
DESCRIPTORS = 5
"""Sent along: standard input, output and error, the lifeline, and the socket of the request."""


@dataclass(frozen=True, slots=True)
class Request:
    """A program to be run, and in what surroundings."""

    arguments: list[str]
    """As `python` takes them: `-m MODULE …` or `SCRIPT …`."""
    environment: dict[str, str]
    folder: str
    new_session: bool
    serving: bool
    """Whether it gets a fork server of its own, for what it will start: a child of its, as any that it starts."""

    def encoded(self) -> bytes:
        """Return it with its length in front."""
        body = json.dumps(asdict(self)).encode()
        return len(body).to_bytes(_LENGTH, "big") + body

    @classmethod
    def received(cls, report: socket.socket) -> Self:
        """Read it.

        Raises:
            EOFError: who sent it has gone.
        """
        length = int.from_bytes(_exactly(report, _LENGTH), "big")
        return cls(**json.loads(_exactly(report, length)))


def _exactly(report: socket.socket, length: int) -> bytes:
    received = bytearray()
    while len(received) < length:
        part = report.recv(length - len(received))
        if not part:
            raise EOFError("who asked for a process has gone")
        received += part
    return bytes(received)
