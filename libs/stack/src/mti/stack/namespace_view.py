"""The view of the local namespace, whether it is served or rests."""

import base64
from collections import Counter
from collections.abc import AsyncIterator, Mapping

from pydantic import AwareDatetime, BaseModel

from mti.common.contracts.set_aside import FIRST as FIRST_ASIDE
from mti.common.contracts.set_aside import dead_letter_in, entity_of
from mti.common.errors import BusUnavailable
from mti.common.ports.bus import PropertyValue, Received
from mti.common.topology import STANDARD
from mti.operations.bus import BusLoads, DeadLetter, EntityLoad, SessionLoad, Unseen
from mti.stack.idle import EntityCounts
from mti.stack.namespace_reader import NamespaceReader

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
        reader: of the namespace. Not closed here.
    """

    def __init__(self, reader: NamespaceReader) -> None:
        self._reader = reader

    async def live(self, entity: str) -> AsyncIterator[Received]:
        """See `mti.operations.bus.BusView`."""
        async for message in self._beyond(entity, 0):
            yield message

    async def _beyond(self, entity: str, after: int) -> AsyncIterator[Received]:
        while page := await self._page(entity, after):
            for message in page:
                after = message.sequence_number
                yield _received(message)

    async def dead(self, entity: str, *, after: int = 0) -> AsyncIterator[DeadLetter]:
        """See `mti.operations.bus.BusView`."""
        if after < FIRST_ASIDE:
            async for message in self._beyond(entity + _DEAD_LETTERS, after):
                yield DeadLetter(entity=entity, message=message)
        async for message in self._beyond(STANDARD.set_aside.path, max(after - FIRST_ASIDE, 0)):
            if entity_of(message.properties) == entity:
                yield DeadLetter(entity=entity, message=dead_letter_in(message))

    def unseen(self) -> Unseen:
        """See `mti.operations.bus.BusView`."""
        return Unseen()

    async def loads(self) -> BusLoads:
        """See `mti.operations.bus.BusView`."""
        said = await self._reader.statistics()
        counts = {path: EntityCounts.model_validate(each) for path, each in said.items()}
        aside = await self._aside(counts)
        return BusLoads(entities={path: await self._load(path, each, aside[path]) for path, each in counts.items()})

    async def _aside(self, counts: Mapping[str, EntityCounts]) -> Counter[str]:
        """Return how many messages were set aside of each entity."""
        path = STANDARD.set_aside.path
        if path not in counts or not counts[path].live:
            return Counter()
        return Counter([entity_of(message.properties) or "" async for message in self.live(path)])

    async def _load(self, path: str, counts: EntityCounts, aside: int) -> EntityLoad:
        first = await self._first(path) if counts.live else []
        oldest = {message.session_id: message.enqueued_at for message in reversed(first)}
        sessions = {
            name: SessionLoad(waiting=each.active + each.locked + each.scheduled, oldest=oldest.get(name))
            for name, each in counts.sessions.items()
        }
        return EntityLoad(
            active=counts.active + counts.locked + counts.deferred,
            scheduled=counts.scheduled,
            dead=counts.dead_letter + aside,
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
        found = await self._reader.messages(entity, after, PAGE)
        if found is None and entity == STANDARD.set_aside.path:
            return []  # a namespace of an earlier release has no such queue, and nothing is in it
        if found is None:
            raise BusUnavailable(f"the local namespace has no {entity!r}")
        return [_Message.model_validate(message) for message in found]


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
