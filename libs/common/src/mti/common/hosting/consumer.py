"""What all consumers have in common: what they take, what they do with it, and that they go on whatever happens."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from mti.common.errors import BusFull, LockLost, NoSession, Unavailable
from mti.common.hosting.outcomes import Handler
from mti.common.hosting.pulse import Pulse
from mti.common.hosting.receiving import Receivers
from mti.common.hosting.settler import Settler
from mti.common.ports.clock import Clock
from mti.common.topology import Entity

log = logging.getLogger(__name__)

RECONNECT_DELAY: Final = 2.0
"""Seconds to leave a bus alone that does not answer."""
FULL_DELAY: Final = 30.0
"""Seconds to leave a bus alone that has no room: what was handled in vain is handled again then."""


class Consumer:
    """Takes messages of an entity, has them handled, and lets the outcomes come true.

    Args:
        bus: the namespace.
        entity: whose messages.
        handler: gets what was received together.
        settler: makes its outcomes come true.
        clock: the time.
        pulse: is told what is in hand, and whether the bus answers.
    """

    def __init__(
        self,
        bus: Receivers,
        entity: Entity,
        handler: Handler,
        settler: Settler,
        clock: Clock,
        pulse: Pulse | None = None,
    ) -> None:
        self._bus = bus
        self._entity = entity
        self._handler = handler
        self._settler = settler
        self._clock = clock
        self._pulse = pulse or Pulse()

    async def _again(self, stop: asyncio.Event, receive: Callable[[asyncio.Event], Awaitable[None]]) -> None:
        """Receive again and again until `stop` is set, whatever becomes of it."""
        names = {"entity": self._entity.path}
        while not stop.is_set():
            try:
                await receive(stop)
            except NoSession:
                self._pulse.reached()
            except LockLost as error:
                log.warning("a session was lost", extra={**names, "why": str(error)})
            except (Unavailable, OSError) as error:
                self._pulse.missed(str(error))
                log.warning("the bus does not answer", extra={**names, "why": str(error)})
                await self._rest(stop, FULL_DELAY if isinstance(error, BusFull) else RECONNECT_DELAY)
            except Exception:
                log.exception(
                    "a bug: a batch could not be received or settled, and comes again; everything else goes on",
                    extra=names,
                )
                await self._rest(stop, RECONNECT_DELAY)

    async def _rest(self, stop: asyncio.Event, seconds: float) -> None:
        """Wait, but not beyond the stop."""
        tasks = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(stop.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
