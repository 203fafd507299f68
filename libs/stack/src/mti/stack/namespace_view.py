"""The view of the local namespace, through its administration port."""

import base64
from collections.abc import AsyncIterator

import httpx
from pydantic import AwareDatetime, BaseModel

from mti.common.errors import BusUnavailable
from mti.common.ports.bus import PropertyValue, Received
from mti.operations.bus import BusLoads, DeadLetter, EntityLoad, SessionLoad, Unseen
from mti.stack.idle import EntityCounts

PAGE = 200
"""Messages that are asked for at a time."""
FIRST = 200
"""Messages of an entity that are read to find the oldest of each session."""
_DEAD_LETTERS = "/$deadletterqueue"


class _Message(BaseModel):
    sequence_number: int
    message_id: str
    to: str | None = None
    subject: str | None = None
    session_id: str | None = None
    enqueued_at: AwareDatetime | None = None
    delivery_count: int = 0
    properties: dict[str, PropertyValue] = {}
    body: str


class NamespaceView:
    """The port `mti.operations.bus.BusView`. Nothing is hidden here, and all states are counted at one instant.

    Args:
        administration: a client of the administration port. Not closed here.
    """

    def __init__(self, administration: httpx.AsyncClient) -> None:
        self._administration = administration

    async def live(self, entity: str) -> AsyncIterator[Received]:
        """See `mti.operations.bus.BusView`."""
        after = 0
        while page := await self._page(entity, after):
            for message in page:
                after = message.sequence_number
                yield _received(message)

    async def dead(self, entity: str) -> AsyncIterator[DeadLetter]:
        """See `mti.operations.bus.BusView`."""
        async for message in self.live(entity + _DEAD_LETTERS):
            yield DeadLetter(entity=entity, message=message)

    def unseen(self) -> Unseen:
        """See `mti.operations.bus.BusView`."""
        return Unseen()

    async def loads(self) -> BusLoads:
        """See `mti.operations.bus.BusView`."""
        try:
            answer = await self._administration.get("/stats")
            answer.raise_for_status()
            counts = {path: EntityCounts.model_validate(each) for path, each in answer.json().items()}
            return BusLoads(entities={path: await self._load(path, each) for path, each in counts.items()})
        except httpx.HTTPError as error:
            raise BusUnavailable(
                f"the local namespace does not answer ({type(error).__name__}); its stack may just be ending: try again"
            ) from error

    async def _load(self, path: str, counts: EntityCounts) -> EntityLoad:
        first = await self._first(path) if counts.live else []
        oldest = {message.session_id: message.enqueued_at for message in reversed(first)}
        sessions = {
            name: SessionLoad(waiting=each.active + each.locked + each.scheduled, oldest=oldest.get(name))
            for name, each in counts.sessions.items()
        }
        return EntityLoad(
            active=counts.active + counts.locked + counts.deferred,
            scheduled=counts.scheduled,
            dead=counts.dead_letter,
            oldest=min((message.enqueued_at for message in first if message.enqueued_at), default=None),
            sessions=sessions,
        )

    async def _first(self, path: str) -> list[Received]:
        first: list[Received] = []
        async for message in self.live(path):
            first.append(message)
            if len(first) >= FIRST:
                break
        return first

    async def _page(self, entity: str, after: int) -> list[_Message]:
        answer = await self._administration.get("/messages", params={"entity": entity, "after": after, "limit": PAGE})
        answer.raise_for_status()
        return [_Message.model_validate(message) for message in answer.json()]


def _received(message: _Message) -> Received:
    return Received(
        body=base64.b64decode(message.body),
        message_id=message.message_id,
        to=message.to or "*",
        subject=message.subject,
        session_id=message.session_id,
        properties=message.properties,
        delivery_count=message.delivery_count,
        sequence_number=message.sequence_number,
        enqueued_at=message.enqueued_at,
    )
