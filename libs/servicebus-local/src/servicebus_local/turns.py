"""Work that waits for the end of what is done at the moment, so that much of it is done together."""

from collections.abc import Callable

Work = Callable[[], None]


class Turn:
    """Runs what was put off soon, or at once when somebody knows that the time has come."""

    def __init__(self, soon: Callable[[Work], object]) -> None:
        """`soon` is `loop.call_soon`."""
        self._soon = soon
        self._waiting: list[Work] = []

    def put_off(self, work: Work) -> None:
        """Do it at the end of the turn."""
        if not self._waiting:
            self._soon(self.end)
        self._waiting.append(work)

    def end(self) -> None:
        """Do all that was put off."""
        waiting, self._waiting = self._waiting, []
        for work in waiting:
            work()
