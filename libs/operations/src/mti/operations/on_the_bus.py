"""What lies on the bus: chunks that wait for the normalizer, indicators that wait for the publisher, dead letters."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from mti.common.contracts import IndicatorBatch, decode, envelope_of, timestamp
from mti.common.errors import Poison
from mti.common.ports.bus import Received
from mti.operations.bus_view import BusView, DeadMessage

JOBS = "fetch-jobs"
PAGES_TOPIC, PAGES = "raw-pages", "raw-pages/subscriptions/normalizer"
INDICATORS_TOPIC, INDICATORS = "indicators", "indicators/subscriptions/publisher"


@dataclass(slots=True)
class OnTheBus:
    """Chunks by their CloudEvents ids; indicators by destination and id, with their newest version."""

    waiting_chunks: set[str] = field(default_factory=set)
    dead_chunks: set[str] = field(default_factory=set)
    waiting_objects: dict[tuple[str, str], str] = field(default_factory=dict)
    dead_objects: dict[tuple[str, str], str] = field(default_factory=dict)
    dead_letters: list[tuple[str, str, str]] = field(default_factory=list)
    """Entity, reason and description of each."""

    @classmethod
    async def look(cls, bus: BusView, *, chunks: bool, indicators: bool) -> Self:
        """Look at all dead letters, and at what waits where something is missing."""
        found = cls()
        for entity in (PAGES_TOPIC, PAGES) if chunks else ():
            async for message in bus.live(entity):
                found.waiting_chunks.update(_chunk_of(message))
        for entity in (INDICATORS_TOPIC, INDICATORS) if indicators else ():
            async for message in bus.live(entity):
                _newest(found.waiting_objects, message)
        for entity in (JOBS, PAGES, INDICATORS):
            async for dead in bus.dead(entity):
                found._note(entity, dead)
        return found

    def _note(self, entity: str, dead: DeadMessage) -> None:
        self.dead_letters.append((entity, dead.reason or "Unknown", dead.description))
        if entity == PAGES:
            self.dead_chunks.update(_chunk_of(dead.message))
        elif entity == INDICATORS:
            _newest(self.dead_objects, dead.message)


def _chunk_of(message: Received) -> Iterator[str]:
    try:
        yield envelope_of(message).id
    except Poison:
        return  # a stranger's message: it is no chunk of ours


def _newest(found: dict[tuple[str, str], str], message: Received) -> None:
    try:
        _, batch = decode(message, IndicatorBatch)
    except Poison:
        return  # it holds no indicator that can be read; it is listed as a dead letter all the same
    for item in batch.objects:
        key = (message.session_id or "", item.id)
        found[key] = max(found.get(key, ""), timestamp(item.modified))
