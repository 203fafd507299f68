"""Receives batches from a queue or a subscription without sessions, and lets the handler's outcomes come true."""

import asyncio
from time import time_ns
from typing import Final

from mti.common.hosting.consumer import Consumer
from mti.common.hosting.delivery import deliver_or_release
from mti.common.hosting.outcomes import Handler
from mti.common.hosting.pulse import Pulse
from mti.common.hosting.receiving import Receiver, Receivers
from mti.common.hosting.settler import Settler
from mti.common.ports.clock import Clock
from mti.common.telemetry import received
from mti.common.topology import Entity

SILENCE: Final = 60.0
"""Seconds without a message after which a receiver asks whether there is still somebody at the other end."""


class QueueConsumer(Consumer):
    """Runs a handler on `concurrency` receivers, each with up to `batch_size` messages at a time.

    Args: see `Consumer`.
        concurrency: receivers.
        batch_size: messages that are received at a time.
        wait: seconds for the first of them.
        silence: see `SILENCE`.
    """

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
        pulse: Pulse | None = None,
    ) -> None:
        super().__init__(bus, entity, handler, settler, clock, pulse)
        self._concurrency = concurrency
        self._batch_size = batch_size
        self._wait = wait
        self._silence = silence

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; the batch in hand is finished first."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._concurrency):
                group.create_task(self._again(stop, self._receiver))

    async def _receiver(self, stop: asyncio.Event) -> None:
        receiver = await self._bus.open_receiver(self._entity, self._clock)
        self._pulse.reached()
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
        with self._pulse.at(f"a batch of {self._entity.path}"):
            messages = await receiver.receive(self._batch_size, self._wait)
            if not messages:
                return False
            received(self._entity, messages, began)
            async with receiver.kept(messages):
                await deliver_or_release(self._handler, self._settler, receiver, messages, self._entity)
        self._pulse.reached()
        return True
