"""The heart of the publisher: a batch of messages in, one outcome a message out."""

import asyncio
from collections.abc import Sequence

from mti.common.hosting import decide
from mti.common.ports.bus import Received
from mti.common.ports.settlement import Outcome
from mti.publisher.intake import Reader
from mti.publisher.unrecorded import Unrecorded
from mti.publisher.workspaces import Workspaces


class PublishHandler:
    """Publishes the messages of sessions; made by `mti.publisher.composition`.

    Args:
        reader: reads messages.
        workspaces: delivers what they hold.
        books: what the workspaces hold.
    """

    def __init__(self, reader: Reader, workspaces: Workspaces, books: Unrecorded) -> None:
        self._reader = reader
        self._workspaces = workspaces
        self._books = books

    async def __call__(self, messages: Sequence[Received]) -> Sequence[Outcome]:
        """Return one outcome a message; see `mti.common.hosting.Handler`.

        A host with sessions hands over one session's messages; those of several are told apart and do not touch each
        other.
        """
        sessions: dict[str | None, list[int]] = {}
        for position, message in enumerate(messages):
            sessions.setdefault(message.session_id, []).append(position)
        decided = await asyncio.gather(
            *(decide(self.session, [messages[position] for position in places]) for places in sessions.values())
        )
        outcomes: dict[int, Outcome] = {}
        for places, of_session in zip(sessions.values(), decided, strict=True):
            outcomes |= zip(places, of_session, strict=True)
        return [outcomes[position] for position in range(len(messages))]

    async def session(self, messages: Sequence[Received]) -> Sequence[Outcome]:
        """Return one outcome a message, of messages that share a session.

        Raises:
            Unavailable: our own store or bus does not answer.
            LockLost: the session is somebody else's.
        """
        intake = await self._reader.read(messages)
        outcomes = intake.outcomes
        if intake.destination is not None and intake.batches:
            outcomes |= await self._workspaces.deliver(intake.destination, messages, intake.batches)
        return [outcomes[position] for position in range(len(messages))]

    async def finish(self) -> None:
        """Write down what could not be written so far: the process ends."""
        await self._books.finish()
