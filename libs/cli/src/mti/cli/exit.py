"""Exit statuses, and what ends a command otherwise."""

from collections.abc import Callable

FAILED = 1
"""The books do not close, or the work could not be done."""
MISUSED = 2
"""Bad usage, or a bad tenants file."""
WAITING = 3
"""All that could be delivered is, and the books close; something is paused and waits for a person."""


class Forked(BaseException):
    """Leaves the command in a process that was forked from it, which has other work.

    Args:
        work: that.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self.work = work
