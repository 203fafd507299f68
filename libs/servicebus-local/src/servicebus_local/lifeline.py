"""Standard input as a lifeline: whoever started this process holds the other end, and is gone when it closes."""

import os
import sys
import threading

ORPHANED = 70
"""The exit status of a process whose parent went away (EX_SOFTWARE of sysexits.h)."""


def hold() -> None:
    """End this process at once when standard input ends; what was confirmed is kept, as after a kill.

    Raises:
        OSError: there is no standard input.
    """
    if sys.stdin is None:
        raise OSError("standard input is closed already, so nothing would tell that whoever started this is gone")
    threading.Thread(target=_watch, args=(sys.stdin.fileno(),), daemon=True, name="lifeline").start()


def _watch(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            pass
    except OSError:
        pass
    os._exit(ORPHANED)
