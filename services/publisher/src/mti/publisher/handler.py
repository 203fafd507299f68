"""The heart of the publisher: a batch of messages in, one outcome a message out."""

from collections.abc import Sequence

from mti.common.ports.bus import Received
from mti.common.ports.settlement import Outcome
from mti.publisher.filling import Filling
from mti.publisher.session import SessionPublisher
from mti.publisher.unrecorded import Unrecorded


class PublishHandler:
    """Publishes the messages of sessions; made by `mti.publisher.composition`.

    Args:
        sessions: publishes the messages of one session.
        books: what the workspaces hold.
    """

    def __init__(self, sessions: SessionPublisher, books: Unrecorded) -> None:
        self._sessions = sessions
        self._books = books

    async def __call__(self, messages: Sequence[Received]) -> Sequence[Outcome]:
        """Return one outcome a message, of messages that share a session; see `mti.common.hosting.Handler`.

        Raises:
            Unavailable: our own store or bus does not answer.
            LockLost: the session is somebody else's.
        """
        return await self._sessions.publish(messages)

    def filling(self, seconds: float) -> Filling:
        """Return what says how long messages of a session wait for others.

        Args:
            seconds: the longest.
        """
        return Filling(self._sessions.used, seconds)

    async def finish(self) -> None:
        """Write down what could not be written so far: the process ends."""
        await self._books.finish()
