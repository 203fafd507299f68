"""Brings messages of a session together before they are handled: for handlers that fill requests across messages."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from mti.common.hosting.receiving import Receiver
from mti.common.ports.bus import Received
from mti.common.ports.clock import Clock

MORE_WAIT: Final = 0.1
"""Seconds to wait for the rest of a backlog that may have ended."""
CHECK_EVERY: Final = 1.0
"""Seconds after which one who waits sees whether it is to stop."""


class Gathering(Protocol):
    """Says when messages of a session are enough to be handled together."""

    def filled(self, messages: Sequence[Received]) -> int:
        """Return how many of the first messages make good use of what is done with them; 0 where none do yet."""
        ...

    def quiet(self, messages: Sequence[Received]) -> float:
        """Return for how many seconds to wait for another one, while they are not enough."""
        ...

    def longest(self) -> float:
        """Return for how many seconds the first of them waits at most."""
        ...


class AtOnce:
    """Gathers nothing but what is there."""

    def filled(self, messages: Sequence[Received]) -> int:
        """Take all."""
        return len(messages)

    def quiet(self, messages: Sequence[Received]) -> float:  # noqa: ARG002
        """Wait for none."""
        return 0.0

    def longest(self) -> float:
        """Wait for none."""
        return 0.0


class Gatherer:
    """Receives from one session. What was received and is not handed over yet stays locked, with the session.

    Args:
        receiver: of the session.
        gathering: says when it is enough.
        clock: the time.
        batch_size: messages that are received at a time.
        size: bytes of bodies that are handed over together, and a receive more at most; while a backlog keeps filling
            receives, more are received up to that.
        idle: seconds to wait for the first message.
    """

    def __init__(
        self, receiver: Receiver, gathering: Gathering, clock: Clock, *, batch_size: int, size: int, idle: float
    ) -> None:
        self._receiver = receiver
        self._gathering = gathering
        self._clock = clock
        self._batch_size = batch_size
        self._size = size
        self._idle = idle
        self._kept: list[Received] = []

    @property
    def kept(self) -> bool:
        """Whether anything was received and is not handed over yet."""
        return bool(self._kept)

    async def next(self, over: Callable[[], bool]) -> list[Received]:
        """Return what is to be handled together, in order; nothing where no message came.

        Args:
            over: whether the session is about to be let go: then nothing more is received beside what is in hand.

        Raises:
            LockLost: the session is somebody else's by now.
            BusUnavailable: the broker does not answer.
        """
        began = self._clock.monotonic()
        last = 0
        messages, self._kept = self._kept, []
        if not messages:
            messages = await self._receiver.receive(self._batch_size, self._idle)
            last = len(messages)
        while messages and not over() and sum(len(message.body) for message in messages) < self._size:
            wait = self._wait(messages, self._clock.monotonic() - began, full=last == self._batch_size)
            more = await self._more(wait, over)
            if not more:
                break
            messages += more
            last = len(more)
        return self._handed_over(messages, over)

    def _wait(self, messages: Sequence[Received], waited: float, *, full: bool) -> float:
        if full:
            return MORE_WAIT
        if self._gathering.filled(messages):
            return 0.0
        return min(self._gathering.quiet(messages), self._gathering.longest() - waited)

    async def _more(self, wait: float, over: Callable[[], bool]) -> list[Received]:
        while wait > 0 and not over():
            if more := await self._receiver.receive(self._batch_size, min(wait, CHECK_EVERY)):
                return more
            wait -= CHECK_EVERY
        return []

    def _handed_over(self, messages: list[Received], over: Callable[[], bool]) -> list[Received]:
        filled = self._gathering.filled(messages) or len(messages)
        if over():
            return messages
        self._kept = messages[filled:]
        return messages[:filled]
