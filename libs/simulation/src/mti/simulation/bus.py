"""A model of Service Bus: what of it matters to who waits for whom.

Queues and subscriptions hand out in order, to whichever receiver asks first; a session is one receiver's alone until it
lets go, and goes to the end of the line then; a scheduled message comes when it is due; a MessageId that was seen
within ten minutes is accepted and thrown away; `To` is `*` or one subscription's name. Locks don't run out, since the
services renew them. The consumers of `mti.common.hosting` run on it as they run on the SDK.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mti.common.ports.bus import Outgoing, Received
from mti.common.ports.clock import Clock
from mti.common.topology import STANDARD, Entity
from mti.simulation.parameters import Costs

HISTORY: Final = STANDARD.pages.duplicates.total_seconds()
"""Seconds for which duplicate detection remembers a MessageId."""


class ModelledEntity:
    """A queue or a subscription.

    Args:
        modelled: which of the topology it stands for.
        clock: the time.
    """

    def __init__(self, modelled: Entity, clock: Clock) -> None:
        self.modelled = modelled
        self.sessions = modelled.sessions
        self.dead: list[tuple[Received, str, str]] = []
        self.peak = 0
        """The most messages that were in it at once."""
        self.here: OrderedDict[int, Received] = OrderedDict()
        """All that was handed in and is not settled, by its sequence number."""
        self._scheduled = 0
        self._clock = clock
        self._lines: dict[str | None, deque[Received]] = {}
        self._free: OrderedDict[str | None, None] = OrderedDict()
        """The sessions that have messages and no receiver, in the order in which they came to be so."""
        self._held: set[str | None] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._arrivals: dict[str | None, asyncio.Future[None]] = {}
        self._count = 0

    @property
    def left(self) -> int:
        """How many messages are not settled: those that are here, and those that are scheduled for later."""
        return len(self.here) + self._scheduled

    def schedule(self, message: Outgoing, seconds: float) -> None:
        """Take a message in, to be handed out after so many seconds."""
        self._scheduled += 1
        asyncio.get_running_loop().call_later(seconds, self._due, message)

    def _due(self, message: Outgoing) -> None:
        self._scheduled -= 1
        self.put(message)

    def put(self, message: Outgoing) -> None:
        """Take a message in, to be handed out now."""
        self._count += 1
        incoming = Received(
            body=message.body,
            message_id=message.message_id,
            to=message.to,
            subject=message.subject,
            session_id=message.session_id,
            content_type=message.content_type,
            properties=dict(message.properties),
            sequence_number=self._count,
            enqueued_at=self._clock.now(),
        )
        line = incoming.session_id if self.sessions else None
        self.here[incoming.sequence_number] = incoming
        self.peak = max(self.peak, len(self.here))
        self._lines.setdefault(line, deque()).append(incoming)
        arrival = self._arrivals.pop(line, None)
        if arrival is not None and not arrival.done():
            arrival.set_result(None)
        if line not in self._held:
            self._free[line] = None
            self._wake()

    def take(self, line: str | None, limit: int) -> list[Received]:
        """Lock up to that many of a line's messages."""
        waiting = self._lines.get(line)
        if waiting is None:
            return []
        return [waiting.popleft() for _ in range(min(limit, len(waiting)))]

    def settle(self, message: Received) -> None:
        """Remove a message for good."""
        del self.here[message.sequence_number]

    def give_back(self, messages: Sequence[Received], *, counted: bool = True) -> None:
        """Put locked messages back to the head of their line, as a failed delivery or not."""
        for message in reversed(messages):
            line = message.session_id if self.sessions else None
            again = replace(message, delivery_count=message.delivery_count + counted)
            self.here[message.sequence_number] = again
            self._lines.setdefault(line, deque()).appendleft(again)

    async def accept(self, seconds: float) -> str | None:
        """Take the next session that is free for oneself.

        Raises:
            TimeoutError: none was.
        """
        async with asyncio.timeout(seconds):
            while not self._free:
                await self._wait()
        session, _ = self._free.popitem(last=False)
        self._held.add(session)
        return session

    def release(self, session: str | None) -> None:
        """Let a session go."""
        self._held.discard(session)
        if self._lines.get(session):
            self._free[session] = None
            self._wake()
        else:
            self._lines.pop(session, None)

    async def arrival(self, line: str | None, seconds: float) -> None:
        """Wait until a line has messages, for at most that long."""
        if self._lines.get(line):
            return
        try:
            async with asyncio.timeout(seconds):
                if line is None:
                    await self._wait()
                else:
                    await self._arrivals.setdefault(line, asyncio.get_running_loop().create_future())
        except TimeoutError:
            self._arrivals.pop(line, None)

    async def _wait(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def _wake(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return


class MemorySender:
    """The sender port to a queue or to all subscriptions of a topic."""

    def __init__(self, entities: Sequence[ModelledEntity], clock: Clock, costs: Costs) -> None:
        self._entities = entities
        self._clock = clock
        self._costs = costs
        self._seen: dict[str, float] = {}
        self._lock = asyncio.Lock()

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Send all, in order; see `mti.common.ports.bus.Sender`."""
        if not messages:
            return
        async with self._lock:
            await asyncio.sleep(self._costs.bus)
        for message in messages:
            if self._is_new(message.message_id):
                self._route(message)

    def _is_new(self, id: str) -> bool:
        now = self._clock.monotonic()
        while self._seen and self._seen[oldest := next(iter(self._seen))] < now - HISTORY:
            del self._seen[oldest]
        if id in self._seen:
            return False
        self._seen[id] = now
        return True

    def _route(self, message: Outgoing) -> None:
        for entity in self._entities:
            if message.to not in {"*", entity.modelled.to}:
                continue
            if message.due is None or message.due <= self._clock.now():
                entity.put(message)
            else:
                entity.schedule(message, (message.due - self._clock.now()).total_seconds())
