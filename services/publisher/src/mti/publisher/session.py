"""Publishes the messages of a session: reads them, delivers what they hold, and says what becomes of each."""

import random
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from mti.common.ports.bus import Received, Sender
from mti.common.ports.clock import Clock
from mti.common.ports.settlement import Outcome
from mti.common.registry import Destination
from mti.publisher.delivery import Delivery
from mti.publisher.holdings import Holdings
from mti.publisher.intake import Reader
from mti.publisher.outcomes import outcomes_of
from mti.publisher.records import Item
from mti.publisher.repairing import Uploading
from mti.publisher.standings import Standings
from mti.publisher.unrecorded import Unrecorded


class SessionPublisher:
    """Publishes to the workspaces whose sessions are held.

    Args:
        reader: reads messages.
        standings: where the destinations stand.
        books: what the workspaces hold.
        connect: returns the uploader of a destination; the same each time, since its rate budget must outlive sessions.
        sender: to the topic that the messages came through, for refused parts.
        to: this subscription's name.
        clock: the time, right as the servers' is.
        rng: shuffles what a probe begins with.
    """

    def __init__(
        self,
        reader: Reader,
        standings: Standings,
        books: Unrecorded,
        connect: Callable[[Destination], Uploading],
        sender: Sender,
        to: str,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._reader = reader
        self._standings = standings
        self._books = books
        self._connect = connect
        self._sender = sender
        self._to = to
        self._clock = clock
        self._rng = rng
        self._uploaders: dict[str, Uploading] = {}

    def used(self, destination: str) -> float:
        """Return which part of its rate budget a workspace used in the last minute, from 0 to 1."""
        uploader = self._uploaders.get(destination)
        return 0.0 if uploader is None else uploader.used

    async def publish(self, messages: Sequence[Received]) -> Sequence[Outcome]:
        """Return one outcome a message, of messages that share a session.

        Raises:
            Unavailable: our own store or bus does not answer.
            LockLost: the session is somebody else's.
        """
        intake = await self._reader.read(messages)
        outcomes = intake.outcomes
        if intake.destination is not None and intake.batches:
            outcomes |= await self.deliver(intake.destination, messages, intake.batches)
        return [outcomes[position] for position in range(len(messages))]

    async def deliver(
        self, destination: Destination, messages: Sequence[Received], batches: Mapping[int, Sequence[Item]]
    ) -> Mapping[int, Outcome]:
        """Deliver objects to a workspace, and return what becomes of their messages.

        Args:
            destination: the workspace.
            messages: of its session.
            batches: the objects that go to it, by their message's place; not empty.

        Raises:
            Unavailable: our own store or bus does not answer.
            LockLost: the session is somebody else's.
        """
        sources = {item.source for batch in batches.values() for item in batch}
        standing = await self._standings.begin(destination, [messages[position] for position in batches], sources)
        if (pause := standing.holds) is not None:
            return {position: self._standings.park(pause) for position in batches}
        batches = {position: _tried(items, messages[position], standing.tried) for position, items in batches.items()}
        items = [item for batch in batches.values() for item in batch]
        probe = standing.pause is not None
        if probe:
            # A probe that began with the same objects each time could be refused for their sake for ever.
            self._rng.shuffle(items)
        holdings = Holdings(destination.id, self._books, self._clock)
        uploader = self._uploaders[destination.id] = self._connect(destination)
        try:
            delivered = await Delivery(holdings, uploader, messages[0].lease).run(items, probe=probe)
        except Exception:
            # No request is under way any more; one of a process that is killed or cancelled may be.
            await self._standings.give_up(standing)
            raise
        decided = outcomes_of(messages, batches, delivered.done, destination, self._to)
        await self._sender.send(decided.parts)
        pause = await self._standings.end(standing, [messages[position] for position in decided.of], delivered)
        if pause is None:
            return decided.of
        left = [position for position in batches if position not in decided.of]
        return decided.of | {position: self._standings.park(pause) for position in left}


def _tried(items: Sequence[Item], message: Received, tried: int) -> Sequence[Item]:
    """Return a message's objects, marked as tried where the checkpoint says that anything as late was."""
    return [replace(item, tried=True) for item in items] if message.sequence_number <= tried else items
