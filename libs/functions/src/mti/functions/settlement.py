"""The settlement of a message that the platform completes when its function returns."""

from mti.common.contracts.set_aside import aside_of
from mti.common.ports.bus import Received, Sender
from mti.common.topology import Entity


class HostSettlement:
    """See `mti.common.ports.settlement.Settlement`.

    Args:
        aside: to the queue for what is to be dead-lettered.
        entity: where the messages come from.
    """

    def __init__(self, aside: Sender, entity: Entity) -> None:
        self._aside = aside
        self._entity = entity

    async def complete(self, message: Received) -> None:
        """Leave it to the platform."""

    async def abandon(self, message: Received) -> None:
        """Leave it to the platform, which gives back what its function raises for."""

    async def dead_letter(self, message: Received, reason: str, description: str) -> None:
        """Send its copy to the queue, and return when the bus has confirmed it.

        Raises:
            BusUnavailable: the bus did not confirm it; the message is to be given back.
        """
        await self._aside.send([aside_of(message, self._entity.path, reason, description)])
