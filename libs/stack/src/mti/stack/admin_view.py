"""A look into the local namespace through its administration port."""

import base64
from collections.abc import AsyncIterator

import httpx
from pydantic import AwareDatetime, BaseModel

from mti.common.ports.bus import PropertyValue, Received
from mti.operations.bus_view import DEAD_LETTER_QUEUE, DESCRIPTION, REASON, DeadMessage, Unseen

PAGE = 200


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


class AdminBusView:
    """Reads messages of any state, page by page, without locking one."""

    def __init__(self, administration: httpx.AsyncClient) -> None:
        self._administration = administration

    async def live(self, entity: str) -> AsyncIterator[Received]:
        """See `mti.operations.bus_view.BusView`."""
        after = 0
        while page := await self._page(entity, after):
            for found in page:
                after = found.sequence_number
                yield _received(found)

    async def dead(self, entity: str) -> AsyncIterator[DeadMessage]:
        """See `mti.operations.bus_view.BusView`."""
        async for message in self.live(entity + DEAD_LETTER_QUEUE):
            reason = message.properties.get(REASON, "")
            description = message.properties.get(DESCRIPTION, "")
            yield DeadMessage(message, str(reason), str(description))

    def unseen(self) -> Unseen:
        """See `mti.operations.bus_view.BusView`: nothing is hidden here."""
        return Unseen()

    async def _page(self, entity: str, after: int) -> list[_Message]:
        answer = await self._administration.get("/messages", params={"entity": entity, "after": after, "limit": PAGE})
        answer.raise_for_status()
        return [_Message.model_validate(found) for found in answer.json()]


def _received(found: _Message) -> Received:
    return Received(
        body=base64.b64decode(found.body),
        message_id=found.message_id,
        to=found.to or "*",
        subject=found.subject,
        session_id=found.session_id,
        properties=found.properties,
        delivery_count=found.delivery_count,
        sequence_number=found.sequence_number,
        enqueued_at=found.enqueued_at,
    )
