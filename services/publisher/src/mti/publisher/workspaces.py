"""Delivers what a session's messages hold to its workspace, and says what becomes of each message."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mti.common.ports.bus import Received, Sender
from mti.common.ports.clock import Clock
from mti.common.ports.settlement import Outcome
from mti.common.registry import Destination
from mti.publisher.checkpointing import Checkpointing
from mti.publisher.delivery import Delivery
from mti.publisher.holdings import Holdings
from mti.publisher.outcomes import outcomes_of
from mti.publisher.pausing import Pausing, measure
from mti.publisher.records import Item
from mti.publisher.repairing import Uploading
from mti.publisher.unrecorded import Unrecorded


class Workspaces:
    """Delivers to workspaces, each behind its own checkpoint and pause.

    Args:
        books: what the workspaces hold.
        checkpoints: of the destinations.
        pausing: when a destination is left alone.
        connect: returns the uploader of a destination; the same each time, since its rate budget must outlive sessions.
        sender: to the topic that the messages came through, for refused parts.
        to: this subscription's name.
        clock: the time, right as the servers' is.
        rng: shuffles what a probe begins with.
    """

    def __init__(
        self,
        books: Unrecorded,
        checkpoints: Checkpointing,
        pausing: Pausing,
        connect: Callable[[Destination], Uploading],
        sender: Sender,
        to: str,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._books = books
        self._checkpoints = checkpoints
        self._pausing = pausing
        self._connect = connect
        self._sender = sender
        self._to = to
        self._clock = clock
        self._rng = rng

    async def deliver(
        self, destination: Destination, messages: Sequence[Received], batches: Mapping[int, Sequence[Item]]
    ) -> Mapping[int, Outcome]:
        """Deliver objects to the workspace whose session is held, and return what becomes of their messages.

        Args:
            destination: the workspace.
            messages: of its session.
            batches: the objects that go to it, by their message's place; not empty.

        Raises:
            Unavailable: our own store or bus does not answer.
            LockLost: the session is somebody else's.
        """
        checkpoint = await self._checkpoints.load(destination.id)
        before = checkpoint.value.pause
        if before is not None and self._pausing.holds(before):
            measure(destination, before)
            return {position: self._pausing.park(before) for position in batches}
        batches = {
            position: _tried(items, messages[position], checkpoint.value.tried) for position, items in batches.items()
        }
        items = [item for batch in batches.values() for item in batch]
        latest = max(messages[position].sequence_number for position in batches)
        checkpoint = await self._checkpoints.begin(checkpoint, items, latest)
        if before is not None:
            # A probe that began with the same objects each time could be refused for their sake for ever.
            self._rng.shuffle(items)
        holdings = Holdings(destination.id, self._books, self._clock)
        delivery = Delivery(holdings, self._connect(destination), self._clock, messages[0].lease)
        error = await delivery.run(items, probe=before is not None)
        decided = outcomes_of(messages, batches, delivery.done, destination, self._to)
        await self._sender.send(decided.parts)
        pause = self._pausing.after(destination, before, error, reached=delivery.reached)
        settled = [messages[position] for position in decided.of]
        await self._checkpoints.end(checkpoint, settled, delivery.counts(), pause)
        measure(destination, pause)
        if pause is None:
            return decided.of
        return decided.of | {position: self._pausing.park(pause) for position in batches if position not in decided.of}


def _tried(items: Sequence[Item], message: Received, tried: int) -> Sequence[Item]:
    """Return a message's objects, marked where one of its session that came no earlier was tried before."""
    return [replace(item, tried=True) for item in items] if message.sequence_number <= tried else items
