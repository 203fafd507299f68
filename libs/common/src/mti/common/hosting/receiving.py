"""What the hosts of a plain process receive by: the port in front of a bus that hands messages out under a lock."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from mti.common.ports.bus import Received
from mti.common.ports.clock import Clock
from mti.common.ports.settlement import Settlement
from mti.common.topology import Entity


class Receiver(Settlement, Protocol):
    """Receives from one queue or subscription, or from one session of it. What it hands out is locked for it until it
    is settled or given back, or the lock runs out.
    """

    async def receive(self, count: int, wait: float) -> list[Received]:
        """Return the messages that come, which may be none.

        Args:
            count: messages at most.
            wait: seconds to wait for the first one.

        Raises:
            LockLost: the session is somebody else's by now.
            BusUnavailable: the broker does not answer; the receiver is to be closed.
        """
        ...

    async def peek(self, count: int) -> list[Received]:
        """Return the oldest messages, whoever has them; no lock is taken and no count raised.

        Raises:
            BusUnavailable: as above.
        """
        ...

    def kept(self, messages: Sequence[Received]) -> AbstractAsyncContextManager[None]:
        """Keep the locks of messages that were received, for as long as the context lasts. A session's is kept anyway,
        from the beginning to the end.
        """
        ...

    async def release(self) -> None:
        """Give back what was received and is not settled, so that it comes again and no failed delivery is
        counted. It never raises.
        """
        ...

    async def close(self) -> None:
        """Let go of everything. It never raises and never waits for long."""
        ...


class Receivers(Protocol):
    """Opens receivers."""

    async def open_receiver(self, entity: Entity, clock: Clock) -> Receiver:
        """Open a receiver of an entity without sessions.

        Args:
            entity: whose messages.
            clock: by which its locks are kept.

        Raises:
            BusUnavailable: the broker does not answer.
        """
        ...

    async def open_session(self, entity: Entity, clock: Clock, wait: float) -> Receiver:
        """Open a receiver of the next session that is free.

        Args:
            entity: whose sessions.
            clock: by which its lock is kept.
            wait: seconds to wait for one.

        Raises:
            NoSession: none was free.
            LockLost: it was taken away at once.
            BusUnavailable: the broker does not answer.
        """
        ...
