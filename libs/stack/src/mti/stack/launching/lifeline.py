"""A socket between two processes: each sees its end when the other is gone, however that came about."""

import os
import socket
import threading

ORPHANED = 70
"""The exit status of a process whose parent went away (EX_SOFTWARE of sysexits.h)."""


def hold(line: socket.socket) -> None:
    """End this process at once when the other end of the line is closed."""
    line.setblocking(True)
    threading.Thread(target=_watch, args=(line,), daemon=True, name="lifeline").start()


def _watch(line: socket.socket) -> None:
    try:
        while line.recv(1):
            pass
    except OSError:
        pass
    os._exit(ORPHANED)
