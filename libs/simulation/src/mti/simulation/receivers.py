"""The model's receivers, in the form that the consumers know from the SDK."""

import asyncio
from datetime import datetime
from types import TracebackType
from typing import Self

from azure.servicebus.exceptions import OperationTimeoutError

from mti.common.topology import Entity
from mti.simulation.bus import Kept, ModelledEntity
from mti.simulation.parameters import Costs


class MemorySession:
    """A session that a receiver has; the model's locks don't run out."""

    def __init__(self, session_id: str | None) -> None:
        self.session_id = session_id
        self.locked_until_utc: datetime | None = None
        self._locked_until_utc: datetime | None = None

    async def renew_lock(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  the SDK's own name
        """Have the lock begin anew."""


class MemoryBus:
    """What a consumer needs of `ServiceBus`: receivers, by entity."""

    def __init__(self, entities: dict[Entity, ModelledEntity], costs: Costs) -> None:
        self._entities = entities
        self._costs = costs

    def receiver(
        self,
        entity: Entity,
        *,
        session: str | None = None,
        connect_wait: float | None = None,
    ) -> "MemoryReceiver":
        """Return a receiver of messages, or of the next session that is free."""
        return MemoryReceiver(self._entities[entity], self._costs, connect_wait if session else None)


class MemoryReceiver:
    """Peek-lock, one session or none."""

    def __init__(self, entity: ModelledEntity, costs: Costs, session_wait: float | None) -> None:
        self._entity = entity
        self._costs = costs
        self._session_wait = session_wait
        self._locked: dict[int, Kept] = {}
        self._accepted = False
        self._name: str | None = None

    @property
    def session(self) -> MemorySession:
        """The session that it has."""
        return MemorySession(self._name)

    async def receive_messages(self, *, max_message_count: int, max_wait_time: float) -> list[Kept]:
        """Lock up to that many; wait for the first one that long."""
        await asyncio.sleep(self._costs.bus)
        found = self._entity.take(self._name, max_message_count)
        if not found:
            await self._entity.arrival(self._name, max_wait_time)
            found = self._entity.take(self._name, max_message_count)
        self._locked |= {message.sequence_number: message for message in found}
        return found

    async def renew_message_lock(self, message: Kept, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  as above
        """Have a message's lock begin anew."""

    async def peek_messages(
        self,
        max_message_count: int = 1,
        *,
        sequence_number: int = 1,
        timeout: float | None = None,  # noqa: ASYNC109, ARG002
    ) -> list[Kept]:
        """Return the oldest ones, locked or not."""
        assert sequence_number == 1  # noqa: S101  it is looked at from its head only
        await asyncio.sleep(self._costs.bus)
        return [message for message, _ in zip(self._entity.here.values(), range(max_message_count), strict=False)]

    async def complete_message(self, message: Kept) -> None:
        """Settle it."""
        await asyncio.sleep(self._costs.bus)
        self._entity.settle(self._locked.pop(message.sequence_number))

    async def dead_letter_message(self, message: Kept, *, reason: str, error_description: str) -> None:
        """Set it aside."""
        await self.complete_message(message)
        self._entity.dead.append((message, reason, error_description))

    async def close(self) -> None:
        """Let go of the session, and of what is not settled."""
        self._entity.give_back(list(self._locked.values()))
        self._locked.clear()
        if self._accepted:
            self._accepted = False
            self._entity.release(self._name)

    async def __aenter__(self) -> Self:
        if self._session_wait is None:
            return self
        await asyncio.sleep(self._costs.session)
        try:
            self._name = await self._entity.accept(self._session_wait)
        except TimeoutError:
            raise OperationTimeoutError from None
        self._accepted = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
