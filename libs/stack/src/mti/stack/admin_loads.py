"""The loads of the local namespace, through its administration port."""

import httpx

from mti.common.errors import BusUnavailable
from mti.common.ports.bus import Received
from mti.operations.loads import BusLoads, EntityLoad, SessionLoad
from mti.stack.admin_view import AdminBusView
from mti.stack.idle import EntityCounts

SEEN = 200
"""Messages of an entity that are read to find the oldest of each session."""


class AdminLoadMeter:
    """Counts all states at one instant; nothing is hidden here, unlike on Azure."""

    def __init__(self, administration: httpx.AsyncClient) -> None:
        self._administration = administration
        self._view = AdminBusView(administration)

    async def measure(self) -> BusLoads:
        """See `mti.operations.loads.LoadMeter`."""
        try:
            answer = await self._administration.get("/stats")
            answer.raise_for_status()
            counts = {path: EntityCounts.model_validate(found) for path, found in answer.json().items()}
            return BusLoads(entities={path: await self._load(path, found) for path, found in counts.items()})
        except httpx.HTTPError as error:
            raise BusUnavailable(
                f"the local namespace does not answer ({type(error).__name__}); its stack may just be ending: try again"
            ) from error

    async def _load(self, path: str, counts: EntityCounts) -> EntityLoad:
        first = await self._first(path) if counts.live else []
        oldest = {message.session_id: message.enqueued_at for message in reversed(first)}
        sessions = {
            name: SessionLoad(waiting=found.active + found.locked + found.scheduled, oldest=oldest.get(name))
            for name, found in counts.sessions.items()
        }
        return EntityLoad(
            active=counts.active + counts.locked + counts.deferred,
            scheduled=counts.scheduled,
            dead=counts.dead_letter,
            oldest=min((message.enqueued_at for message in first if message.enqueued_at), default=None),
            sessions=sessions,
        )

    async def _first(self, path: str) -> list[Received]:
        found: list[Received] = []
        async for message in self._view.live(path):
            found.append(message)
            if len(found) >= SEEN:
                break
        return found
