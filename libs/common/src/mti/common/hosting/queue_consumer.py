"""Receives batches from a queue or a subscription without sessions, and lets the handler's outcomes come true."""

import asyncio
import logging
from time import time_ns
from typing import Final

from mti.common.errors import BusFull, Unavailable
from mti.common.hosting.delivery import deliver_or_release
from mti.common.hosting.outcomes import Handler
from mti.common.hosting.receiving import Receiver, Receivers
from mti.common.hosting.settler import Settler
from mti.common.ports.clock import Clock
from mti.common.telemetry import received
from mti.common.topology import Entity

log = logging.getLogger(__name__)

UNFORESEEN: Final = "a bug: a batch could not be received or settled, and comes again; everything else goes on"
RECONNECT_DELAY: Final = 2.0
"""Seconds to leave a bus alone that does not answer."""
FULL_DELAY: Final = 30.0
"""Seconds to leave a bus alone that has no room: what was handled in vain is handled again then."""
SILENCE: Final = 60.0
"""Seconds without a message after which a receiver asks whether there is still somebody at the other end."""


def delay_after(error: Exception) -> float:
    """Return the seconds to wait before the bus is tried again."""
    return FULL_DELAY if isinstance(error, BusFull) else RECONNECT_DELAY


async def rest(clock: Clock, stop: asyncio.Event, seconds: float) -> None:
    """Wait, but not beyond the stop."""
    tasks = [asyncio.ensure_future(clock.sleep(seconds)), asyncio.ensure_future(stop.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


class QueueConsumer:
    """Runs a handler on `concurrency` receivers, each with up to `batch_size` messages at a time."""

    def __init__(
        self,
        bus: Receivers,
        entity: Entity,
        handler: Handler,
        settler: Settler,
        clock: Clock,
        *,
        concurrency: int = 1,
        batch_size: int = 1,
        wait: float = 1.0,
        silence: float = SILENCE,
    ) -> None:
        self._bus = bus
        self._entity = entity
        self._handler = handler
        self._settler = settler
        self._clock = clock
        self._concurrency = concurrency
        self._batch_size = batch_size
        self._wait = wait
        self._silence = silence

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; the batch in hand is finished first."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._concurrency):
                group.create_task(self._loop(stop))

    async def _loop(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._receiver(stop)
            except (Unavailable, OSError) as error:
                log.warning("the bus does not answer", extra={"entity": self._entity.path, "why": str(error)})
                await rest(self._clock, stop, delay_after(error))
            except Exception:
                log.exception(UNFORESEEN, extra={"entity": self._entity.path})
                await rest(self._clock, stop, RECONNECT_DELAY)

    async def _receiver(self, stop: asyncio.Event) -> None:
        receiver = await self._bus.open_receiver(self._entity, self._clock)
        try:
            heard = self._clock.monotonic()
            while not stop.is_set():
                if await self._step(receiver):
                    heard = self._clock.monotonic()
                elif self._clock.monotonic() - heard > self._silence:
                    # Have the broker say anything at all. Receiving nothing looks the same from a queue that is empty
                    # and from a connection that swallows everything.
                    await receiver.peek(1)
                    heard = self._clock.monotonic()
        finally:
            await receiver.close()

    async def _step(self, receiver: Receiver) -> bool:
        """Receive and handle a batch, and say whether there was one."""
        began = time_ns()
        messages = await receiver.receive(self._batch_size, self._wait)
        if not messages:
            return False
        received(self._entity, messages, began)
        async with receiver.kept(messages):
            await deliver_or_release(self._handler, self._settler, receiver, messages, self._entity)
        return True
