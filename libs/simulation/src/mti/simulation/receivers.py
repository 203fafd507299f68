"""The model's receivers: what the consumers receive by."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from mti.common.errors import NoSession
from mti.common.ports.bus import Received
from mti.common.ports.clock import Clock
from mti.common.topology import Entity
from mti.simulation.bus import ModelledEntity
from mti.simulation.parameters import Costs


class MemoryBus:
    """Opens receivers; see `mti.common.hosting.receiving.Receivers`."""

    def __init__(self, entities: Mapping[Entity, ModelledEntity], costs: Costs) -> None:
        self._entities = entities
        self._costs = costs

    async def open_receiver(self, entity: Entity, clock: Clock) -> "MemoryReceiver":  # noqa: ARG002  locks don't run out
        """Return a receiver of messages."""
        return MemoryReceiver(self._entities[entity], self._costs)

    async def open_session(self, entity: Entity, clock: Clock, wait: float) -> "MemorySessionReceiver":  # noqa: ARG002
        """Return a receiver of the next session that is free."""
        modelled = self._entities[entity]
        await asyncio.sleep(self._costs.session)
        try:
            return MemorySessionReceiver(modelled, self._costs, await modelled.accept(wait))
        except TimeoutError:
            raise NoSession(f"{entity}: no session was free") from None


class MemoryReceiver:
    """Receives under locks that don't run out; see `mti.common.hosting.receiving.Receiver`."""

    def __init__(self, entity: ModelledEntity, costs: Costs, session: str | None = None) -> None:
        self._entity = entity
        self._costs = costs
        self._session = session
        self._locked: dict[int, Received] = {}

    async def receive(self, count: int, wait: float) -> list[Received]:
        """Lock up to that many; wait for the first one that long."""
        await asyncio.sleep(self._costs.bus)
        taken = self._entity.take(self._session, count)
        if not taken:
            await self._entity.arrival(self._session, wait)
            taken = self._entity.take(self._session, count)
        self._locked |= {message.sequence_number: message for message in taken}
        return taken

    async def peek(self, count: int) -> list[Received]:
        """Return the oldest ones, locked or not."""
        await asyncio.sleep(self._costs.bus)
        return [message for message, _ in zip(self._entity.here.values(), range(count), strict=False)]

    def kept(self, messages: Sequence[Received]) -> AbstractAsyncContextManager[None]:  # noqa: ARG002
        """Keep their locks, which don't run out."""
        return nullcontext()

    async def complete(self, message: Received) -> None:
        """Settle it."""
        await asyncio.sleep(self._costs.bus)
        self._entity.settle(self._locked.pop(message.sequence_number))

    async def abandon(self, message: Received) -> None:
        """Give it back."""
        self._entity.give_back([self._locked.pop(message.sequence_number)])

    async def dead_letter(self, message: Received, reason: str, description: str) -> None:
        """Set it aside."""
        await self.complete(message)
        self._entity.dead.append((message, reason, description))

    async def release(self) -> None:
        """Give back what is not settled, without counting a failed delivery."""
        self._give_back(counted=False)

    async def close(self) -> None:
        """Let go of what is not settled."""
        self._give_back(counted=True)

    def _give_back(self, *, counted: bool) -> None:
        self._entity.give_back(list(self._locked.values()), counted=counted)
        self._locked.clear()


class MemorySessionReceiver(MemoryReceiver):
    """Receives from a session, and holds it."""

    @property
    def session(self) -> str | None:
        """The session's name."""
        return self._session

    async def close(self) -> None:
        """Let go of the session too."""
        await super().close()
        self._entity.release(self._session)
