"""Receives sessions: each slot holds one session at a time, drains it and takes the next that is free."""

import asyncio
import logging
from time import time_ns

from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import (
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from mti.common.adapters.servicebus.client import ServiceBus
from mti.common.adapters.servicebus.consumer import RECONNECT_DELAY, UNFORESEEN, delay_after, rest
from mti.common.adapters.servicebus.links import OPEN_SECONDS, close_link, open_link
from mti.common.adapters.servicebus.received import ReceiverSettlement, from_sdk, receive
from mti.common.adapters.servicebus.session_lock import SessionLock
from mti.common.errors import LockLost, Unavailable
from mti.common.hosting.delivery import deliver
from mti.common.hosting.outcomes import Handler
from mti.common.hosting.settler import Settler
from mti.common.ports.clock import Clock
from mti.common.telemetry import received
from mti.common.topology import Entity

log = logging.getLogger(__name__)

MORE_WAIT = 0.1
"""Seconds to wait for the rest of a backlog that may have ended."""

LOOKING = 4
"""Slots that wait for a session at the same time; the others stand by without a connection. One that has found a
session lets the next one look, so that a slot costs something only while it holds a session."""


class SessionConsumer:
    """Runs a handler on up to `slots` sessions at once; one session is in one slot of one process at a time.

    A session that waits (for its destination's rate, say) holds its slot. So there are to be many, and they are cheap.

    Args:
        bus: the namespace.
        entity: whose sessions.
        handler: gets the messages of one session at a time, in their order.
        settler: makes its outcomes come true.
        clock: the time.
        slots: sessions at once.
        batch_size: messages that are received at a time.
        gather: bytes of bodies; while a backlog keeps filling receives and their bodies are smaller than this
            together, more are received before the handler is called: for handlers that fill requests across messages.
        session_wait: seconds to wait for a session that is free.
        idle: seconds without a message after which a session is let go.
        turn: seconds after which a session that never runs dry is let go all the same, so that others have their turn.
    """

    def __init__(
        self,
        bus: ServiceBus,
        entity: Entity,
        handler: Handler,
        settler: Settler,
        clock: Clock,
        *,
        slots: int = 64,
        batch_size: int = 20,
        gather: int = 0,
        session_wait: float = 30.0,
        idle: float = 0.5,
        turn: float = 120.0,
    ) -> None:
        self._bus = bus
        self._entity = entity
        self._handler = handler
        self._settler = settler
        self._clock = clock
        self._slots = slots
        self._batch_size = batch_size
        self._gather = gather
        self._session_wait = session_wait
        self._idle = idle
        self._turn = turn
        self._looking = asyncio.Semaphore(LOOKING)

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; the batches in hand are finished first."""
        slots = [asyncio.create_task(self._slot(stop)) for _ in range(self._slots)]
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopped, *slots], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*slots)
        finally:
            for task in (stopped, *slots):
                task.cancel()

    async def _slot(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._session(stop)
            except (OperationTimeoutError, SessionCannotBeLockedError):
                continue  # no session is free
            except (SessionLockLostError, LockLost) as error:
                log.warning("a session was lost", extra={"entity": self._entity.path, "why": str(error)})
            except (ServiceBusError, Unavailable, OSError) as error:
                log.warning("the bus does not answer", extra={"entity": self._entity.path, "why": str(error)})
                await rest(self._clock, stop, delay_after(error))
            except Exception:
                log.exception(UNFORESEEN, extra={"entity": self._entity.path})
                await rest(self._clock, stop, RECONNECT_DELAY)

    async def _session(self, stop: asyncio.Event) -> None:
        receiver = self._bus.receiver(self._entity, session="next", connect_wait=self._session_wait)
        keeping: asyncio.Task[None] | None = None
        try:
            asked = self._clock.monotonic()
            if not await self._open(receiver, stop):
                return
            lock = SessionLock(receiver.session, self._clock, since=asked, seconds=self._entity.lock.total_seconds())
            # Nobody knows when within the wait it was locked; from here on it is known.
            await lock.renew()
            keeping = asyncio.create_task(lock.keep())
            until = self._clock.monotonic() + self._turn
            while not stop.is_set() and self._clock.monotonic() < until and await self._step(receiver, lock):
                pass
        finally:
            if keeping is not None:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)
            await close_link(receiver)

    async def _open(self, receiver: ServiceBusReceiver, stop: asyncio.Event) -> bool:
        """Accept a session, when it is this slot's turn to look for one; say whether it did before the stop."""
        async with self._looking:
            if stop.is_set():
                return False
            within = self._session_wait + OPEN_SECONDS
            opening = asyncio.create_task(open_link(receiver, self._entity.path, within))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([opening, stopping], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not opening.done():
                opening.cancel()
                await asyncio.gather(opening, return_exceptions=True)
                return False
            await opening
            return True

    async def _step(self, receiver: ServiceBusReceiver, lock: SessionLock) -> bool:
        if lock.remaining() <= 0:
            raise LockLost(f"session {lock.session_id!r}: its lock ran out, and another may have it")
        began = time_ns()
        path = self._entity.path
        raw = await receive(receiver, path, self._batch_size, self._idle)
        if not raw:
            return False
        messages = [from_sdk(message, lock, lock.locked_until) for message in raw]
        last = len(raw)
        while last == self._batch_size and sum(len(message.body) for message in messages) < self._gather:
            more = await receive(receiver, path, self._batch_size, MORE_WAIT)
            raw += more
            messages += [from_sdk(message, lock, lock.locked_until) for message in more]
            last = len(more)
        received(self._entity, messages, began)
        settlement = ReceiverSettlement(receiver, path, raw)
        try:
            await deliver(self._handler, self._settler, settlement, messages, self._entity)
        except (ServiceBusError, Unavailable, OSError):
            await settlement.release()
            raise
        return True
