"""Receives sessions: each slot holds one session at a time, drains it and takes the next that is free."""

import asyncio
from collections.abc import Callable
from time import time_ns

from mti.common.hosting.consumer import Consumer
from mti.common.hosting.delivery import deliver_or_release
from mti.common.hosting.gathering import AtOnce, Gatherer, Gathering
from mti.common.hosting.outcomes import Handler
from mti.common.hosting.pulse import Pulse
from mti.common.hosting.receiving import Receiver, Receivers
from mti.common.hosting.settler import Settler
from mti.common.ports.clock import Clock
from mti.common.telemetry import received
from mti.common.topology import Entity

ACCEPTING = 4
"""Slots that wait for a session at the same time; the others stand by without a connection. One that has found a
session lets the next one look, so that a slot costs something only while it holds a session."""


class SessionConsumer(Consumer):
    """Runs a handler on up to `slots` sessions at once; one session is in one slot of one process at a time.

    A session that waits (for its destination's rate, say) holds its slot. So there are to be many, and they are cheap.

    The handler gets the messages of one session at a time, in their order.

    Args: see `Consumer`.
        slots: sessions at once.
        batch_size: messages that are received at a time.
        gather: bytes of bodies; while a backlog keeps filling receives and their bodies are smaller than this
            together, more are received before the handler is called: for handlers that fill requests across messages.
        gathering: says when it is worth while to wait for more.
        session_wait: seconds to wait for a session that is free.
        idle: seconds without a message after which a session is let go.
        session_seconds: after which a session that never runs dry is let go all the same, for others to be handled.
    """

    def __init__(
        self,
        bus: Receivers,
        entity: Entity,
        handler: Handler,
        settler: Settler,
        clock: Clock,
        *,
        slots: int = 64,
        batch_size: int = 20,
        gather: int = 0,
        gathering: Gathering | None = None,
        session_wait: float = 30.0,
        idle: float = 0.5,
        session_seconds: float = 120.0,
        pulse: Pulse | None = None,
    ) -> None:
        super().__init__(bus, entity, handler, settler, clock, pulse)
        self._slots = slots
        self._batch_size = batch_size
        self._gather = gather
        self._gathering = gathering or AtOnce()
        self._session_wait = session_wait
        self._idle = idle
        self._session_seconds = session_seconds
        self._accepting = asyncio.Semaphore(ACCEPTING)

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; the batches in hand are finished first."""
        slots = [asyncio.create_task(self._again(stop, self._session)) for _ in range(self._slots)]
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopped, *slots], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*slots)
        finally:
            for task in (stopped, *slots):
                task.cancel()

    async def _session(self, stop: asyncio.Event) -> None:
        receiver = await self._open(stop)
        if receiver is None:
            return
        self._pulse.reached()
        try:
            gatherer = Gatherer(
                receiver,
                self._gathering,
                self._clock,
                batch_size=self._batch_size,
                size=self._gather,
                idle=self._idle,
            )
            until = self._clock.monotonic() + self._session_seconds

            def over() -> bool:
                return stop.is_set() or self._clock.monotonic() >= until

            while gatherer.kept or not over():
                if not await self._step(receiver, gatherer, over):
                    break
        finally:
            await receiver.close()

    async def _open(self, stop: asyncio.Event) -> Receiver | None:
        """Take a session, when it is this slot's turn to look for one; return none where the stop came first."""
        async with self._accepting:
            if stop.is_set():
                return None
            opening = asyncio.create_task(self._bus.open_session(self._entity, self._clock, self._session_wait))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([opening, stopping], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not opening.done():
                opening.cancel()
                await asyncio.gather(opening, return_exceptions=True)
                return None
            return await opening

    async def _step(self, receiver: Receiver, gatherer: Gatherer, over: Callable[[], bool]) -> bool:
        with self._pulse.at(f"a batch of {self._entity.path}"):
            return await self._batch(receiver, gatherer, over)

    async def _batch(self, receiver: Receiver, gatherer: Gatherer, over: Callable[[], bool]) -> bool:
        """Receive and handle a batch, and say whether there was one."""
        began = time_ns()
        messages = await gatherer.next(over)
        if not messages:
            return False
        received(self._entity, messages, began)
        await deliver_or_release(self._handler, self._settler, receiver, messages, self._entity)
        return True
