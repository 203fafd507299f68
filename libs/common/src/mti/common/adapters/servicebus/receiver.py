"""The port by which consumers receive, on the SDK's receivers."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager, nullcontext
from typing import Self

from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import (
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from mti.common.adapters.servicebus.links import (
    OPEN_SECONDS,
    PEEK_SECONDS,
    answered,
    close_link,
    open_link,
    unavailable,
)
from mti.common.adapters.servicebus.message_locks import kept
from mti.common.adapters.servicebus.received import ReceiverSettlement, from_sdk, receive
from mti.common.adapters.servicebus.session_lock import SessionLock
from mti.common.errors import LockLost, NoSession
from mti.common.ports.bus import Received
from mti.common.ports.clock import Clock


class ServiceBusReceiverPort(ReceiverSettlement):
    """Receives from an entity without sessions; see `mti.common.hosting.receiving.Receiver`."""

    def __init__(self, receiver: ServiceBusReceiver, entity: str, clock: Clock) -> None:
        super().__init__(receiver, entity, [])
        self._clock = clock

    @classmethod
    async def open(cls, receiver: ServiceBusReceiver, entity: str, clock: Clock) -> Self:
        """Open the SDK's receiver.

        Args:
            receiver: of the SDK.
            entity: the path, for the texts of errors.
            clock: by which locks are kept.
        """
        async with AsyncExitStack() as closing:
            closing.push_async_callback(close_link, receiver)
            with _in_our_words(entity, "the opening of a link"):
                await open_link(receiver, entity)
            closing.pop_all()
        return cls(receiver, entity, clock)

    async def receive(self, count: int, wait: float) -> list[Received]:
        """See `Receiver`."""
        with _in_our_words(self._entity, "a receive"):
            messages = await receive(self._receiver, self._entity, count, wait)
        self._sdk |= {message.sequence_number: message for message in messages}
        return [from_sdk(message) for message in messages]

    async def peek(self, count: int) -> list[Received]:
        """See `Receiver`."""
        call = self._receiver.peek_messages(max_message_count=count, sequence_number=1)
        with _in_our_words(self._entity, "a peek"):
            messages = await answered(self._receiver, self._entity, "a peek", call, PEEK_SECONDS)
        return [from_sdk(message) for message in messages]

    def kept(self, messages: Sequence[Received]) -> AbstractAsyncContextManager[None]:
        """See `Receiver`."""
        locked = [self._sdk[message.sequence_number] for message in messages]
        return kept(self._receiver, self._entity, locked, self._clock)

    async def close(self) -> None:
        """See `Receiver`."""
        await close_link(self._receiver)


class ServiceBusSessionPort(ServiceBusReceiverPort):
    """Receives from one session, whose lock it keeps."""

    def __init__(self, receiver: ServiceBusReceiver, entity: str, clock: Clock, lock: SessionLock) -> None:
        super().__init__(receiver, entity, clock)
        self._lock = lock
        self._keeping = asyncio.create_task(lock.keep())

    @classmethod
    async def taken(
        cls, receiver: ServiceBusReceiver, entity: str, clock: Clock, *, seconds: float, wait: float
    ) -> Self:
        """Open the SDK's receiver of the next session.

        Args:
            receiver: of the SDK.
            entity: the path, for the texts of errors.
            clock: by which the lock is kept.
            seconds: for which the entity locks a session.
            wait: seconds to wait for one.
        """
        asked = clock.monotonic()
        async with AsyncExitStack() as closing:
            closing.push_async_callback(close_link, receiver)
            with _in_our_words(entity, "the opening of a session"):
                try:
                    with _tried_once(receiver):
                        await open_link(receiver, entity, wait + OPEN_SECONDS)
                except (OperationTimeoutError, SessionCannotBeLockedError) as error:
                    raise NoSession(f"{entity!r}: no session was free within {wait:g} seconds") from error
            lock = SessionLock(receiver.session, clock, since=asked, seconds=seconds)
            # Nobody knows when within the wait it was locked; from here on it is known.
            await lock.renew()
            closing.pop_all()
        return cls(receiver, entity, clock, lock)

    async def receive(self, count: int, wait: float) -> list[Received]:
        """See `Receiver`."""
        if self._lock.remaining() <= 0:
            raise LockLost(f"session {self._lock.session_id!r}: its lock ran out, and another may have it")
        with _in_our_words(self._entity, "a receive"):
            messages = await receive(self._receiver, self._entity, count, wait)
        self._sdk |= {message.sequence_number: message for message in messages}
        return [from_sdk(message, self._lock, self._lock.locked_until) for message in messages]

    def kept(self, messages: Sequence[Received]) -> AbstractAsyncContextManager[None]:  # noqa: ARG002
        """See `Receiver`: the session's lock is kept all the time."""
        return nullcontext()

    async def close(self) -> None:
        """See `Receiver`."""
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)
        await super().close()


@contextmanager
def _in_our_words(entity: str, what: str) -> Iterator[None]:
    """Have errors of the SDK raised as the project's."""
    try:
        yield
    except SessionLockLostError as error:
        raise LockLost(f"{entity!r}: {error}") from error
    except ServiceBusError as error:
        raise unavailable(entity, what, error) from error


@contextmanager
def _tried_once(receiver: ServiceBusReceiver) -> Iterator[None]:
    """Have the SDK not wait again for a session when its wait ran out: none was free, and the way is well.

    By itself it waits `retry_total` times more, for longer than an opening may take.
    """
    # A client has one policy for all of its calls: tests/contract/bus/test_session_wait.py holds the private way.
    config = receiver._config  # noqa: SLF001
    retries, config.retry_total = config.retry_total, 0
    try:
        yield
    finally:
        config.retry_total = retries
