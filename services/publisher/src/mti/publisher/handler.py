"""The heart of the publisher: a batch of messages in, one outcome a message out."""

import asyncio
from collections.abc import Sequence

from mti.common.hosting import decide
from mti.common.ports.bus import Received
from mti.common.ports.settlement import Outcome
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
        """Return one outcome a message; see `mti.common.hosting.Handler`.

        A host with sessions hands over one session's messages; those of several are told apart and do not touch each
        other.
        """
        places: dict[str | None, list[int]] = {}
        for position, message in enumerate(messages):
            places.setdefault(message.session_id, []).append(position)
        sessions = [[messages[position] for position in session] for session in places.values()]
        decided = await asyncio.gather(*(decide(self._sessions.publish, session) for session in sessions))
        outcomes: dict[int, Outcome] = {}
        for positions, session_outcomes in zip(places.values(), decided, strict=True):
            outcomes |= zip(positions, session_outcomes, strict=True)
        return [outcomes[position] for position in range(len(messages))]

    async def finish(self) -> None:
        """Write down what could not be written so far: the process ends."""
        await self._books.finish()
