"""Asks the process beside it whether it is well: `python -m mti.common.probe live`, or `ready`, where `MTI_HEALTH` is.

The health check of a container. It imports nothing but the standard library, since it runs again and again. Exit status
0 when the answer is yes, 1 when it is no or does not come, 2 when it is not known where to ask.
"""

import http.client
import os
import socket
import sys
from collections.abc import Mapping
from typing import Final

SECONDS: Final = 5.0
"""For an answer: a process that can't say within this that it is well is not."""


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: str) -> None:
        super().__init__("health", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect to the path."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self._path)


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Ask, tell on stderr what is wrong, and return the exit status."""
    if arguments not in (["live"], ["ready"]):
        return _said("say live or ready", 2)
    scheme, _, rest = environ.get("MTI_HEALTH", "").strip().partition(":")
    host, _, port = rest.rpartition(":")
    connection: http.client.HTTPConnection
    if scheme == "unix" and rest:
        connection = _UnixConnection(rest)
    elif scheme == "tcp" and port.isdecimal():
        connection = http.client.HTTPConnection(host, int(port), timeout=SECONDS)
    else:
        return _said("MTI_HEALTH is not set; set it to unix:/tmp/health.sock or tcp:HOST:PORT", 2)
    try:
        connection.request("GET", f"/{arguments[0]}")
        answer = connection.getresponse()
        text = answer.read(4096).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return _said(f"the process does not answer ({type(error).__name__})", 1)
    finally:
        connection.close()
    return 0 if answer.status == 200 else _said(text, 1)


def _said(text: str, status: int) -> int:
    printable = "".join(character if character.isprintable() else " " for character in text)
    sys.stderr.write(f"{printable}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
