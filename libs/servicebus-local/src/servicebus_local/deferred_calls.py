"""Work that waits for the end of what is done at the moment, so that much of it is done together."""

from collections.abc import Callable

Work = Callable[[], None]


class DeferredCalls:
    """Runs what was deferred soon, or at once when somebody knows that the time has come."""

    def __init__(self, soon: Callable[[Work], object]) -> None:
        """`soon` is `loop.call_soon`."""
        self._soon = soon
        self._waiting: list[Work] = []

    def defer(self, work: Work) -> None:
        """Do it when the loop comes to it."""
        if not self._waiting:
            self._soon(self.run)
        self._waiting.append(work)

    def run(self) -> None:
        """Do all that was deferred."""
        waiting, self._waiting = self._waiting, []
        for work in waiting:
            work()
