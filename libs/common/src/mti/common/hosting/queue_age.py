"""How long the messages at the head of a subscription have waited, by peeking: no lock is taken and no count raised."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Final

from mti.common.errors import BusUnavailable
from mti.common.hosting.receiving import Receiver, Receivers
from mti.common.ports.bus import Received
from mti.common.ports.clock import Clock
from mti.common.topology import Entity

log = logging.getLogger(__name__)

IN_HAND: Final = 4
"""Messages at the head that don't count: they are being handled, and one may be stuck with whoever died with it."""
LOOKED_AT: Final = 32
"""Messages that are peeked at; some of the first ones may be scheduled for later."""
FRESH: Final = 1.0
"""Seconds for which a look is good."""
BLIND: Final = 60.0
"""Seconds until the next look after one that failed."""


class QueueAge:
    """The age of what waits in a subscription or queue without sessions.

    Peeking needs the right to listen. Without it, or while the bus does not answer, it counts as empty.
    """

    def __init__(self, bus: Receivers, entity: Entity, clock: Clock) -> None:
        self._bus = bus
        self._entity = entity
        self._clock = clock
        self._receiver: Receiver | None = None
        self._age = timedelta()
        self._good_until = float("-inf")
        self._lock = asyncio.Lock()

    async def age(self) -> timedelta:
        """Return how long the fifth message has waited, the first that nobody has in hand; zero without one."""
        async with self._lock:
            if self._clock.monotonic() >= self._good_until:
                self._age, good_for = await self._measure()
                self._good_until = self._clock.monotonic() + good_for
            return self._age

    async def close(self) -> None:
        """Close the link."""
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            await receiver.close()

    async def _measure(self) -> tuple[timedelta, float]:
        try:
            if self._receiver is None:
                self._receiver = await self._bus.open_receiver(self._entity, self._clock)
            found = await self._receiver.peek(LOOKED_AT)
        except BusUnavailable as error:
            log.warning(
                "the line can't be looked at and counts as empty; give the identity the role Data Receiver",
                extra={"entity": self._entity.path, "why": str(error)},
            )
            await self.close()
            return timedelta(), BLIND
        return self._age_of(found), FRESH

    def _age_of(self, found: Sequence[Received]) -> timedelta:
        now = self._clock.now()
        times = [message.enqueued_at for message in found if message.enqueued_at is not None]
        waiting = [now - time.replace(tzinfo=time.tzinfo or UTC) for time in times]
        due = [age for age in waiting if age >= timedelta()]
        return due[IN_HAND] if len(due) > IN_HAND else timedelta()
