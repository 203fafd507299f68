"""Back pressure: a source with a backlog goes on only as fast as what it sent is handled.

The topic `raw-pages` is one line for all. Whoever has a million detections would put thousands of chunks into it, and
every other source's next detection would stand behind them. So before the job for a further page of a window is sent,
the fetcher measures how long the chunks at the head of the line have stood there, and lets the job wait as long: the
longer the line, the slower it grows. It never runs dry by this, since the wait is no longer than the line.

The first pages of a window never wait: that is all that a source has which is not behind.
"""

from datetime import timedelta
from typing import Final, Protocol

FREE_PAGES: Final = 2
"""Of a window."""
UNNOTICED: Final = timedelta(seconds=1)
"""A line that is no longer is none."""
LONGEST: Final = timedelta(minutes=1)
"""The longest wait for a page: a line that does not move at all must not stop the sources for good."""


class Backlog(Protocol):
    """The line that the chunks stand in."""

    async def age(self) -> timedelta:
        """Return how long those at its head have waited; zero when it can't be told."""
        ...


class NoBacklog:
    """A line that nobody measures."""

    async def age(self) -> timedelta:
        """Return zero."""
        return timedelta()


async def age_before(page: int, backlog: Backlog) -> timedelta:
    """Return how long the head of the line that a page's chunks will stand in has waited; zero for the first pages.

    Args:
        page: its place in the window, the first one is 0.
        backlog: what its chunks will stand behind; it is not measured for the first pages.
    """
    return await backlog.age() if page >= FREE_PAGES else timedelta()


def wait_for(age: timedelta) -> timedelta | None:
    """Return how long the job for a page is to wait for a line of that age; `None` is not at all."""
    return min(age, LONGEST) if age > UNNOTICED else None
