"""What lies on the bus: chunks that wait for the normalizer, indicators that wait for the publisher, dead letters."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from mti.common.contracts import IndicatorBatch, decode, envelope_of, own_id, timestamp
from mti.common.errors import Poison
from mti.common.ports.bus import Received
from mti.common.topology import STANDARD, Topology
from mti.operations.bus import BusView, DeadLetter, DeadLetterGroups


@dataclass(slots=True)
class OnTheBus:
    """Chunks by their CloudEvents ids; indicators by destination and own id, with their newest version."""

    waiting_chunks: set[str] = field(default_factory=set)
    dead_chunks: set[str] = field(default_factory=set)
    waiting_objects: dict[tuple[str, str], str] = field(default_factory=dict)
    dead_objects: dict[tuple[str, str], str] = field(default_factory=dict)
    revocations: set[tuple[str, str]] = field(default_factory=set)
    """Destination and own id of what is to be revoked, waiting or dead."""
    dead_letters: DeadLetterGroups = field(default_factory=DeadLetterGroups)

    @classmethod
    async def peek(cls, bus: BusView, *, chunks: bool, indicators: bool, topology: Topology = STANDARD) -> Self:
        """Look at all dead letters, and at what waits where something is missing."""
        peeked = cls()
        for entity in (topology.pages.name, topology.pages.path) if chunks else ():
            async for message in bus.live(entity):
                peeked.waiting_chunks.update(_chunk_of(message))
        for entity in (topology.indicators.name, topology.indicators.path) if indicators else ():
            async for message in bus.live(entity):
                peeked._note_objects(peeked.waiting_objects, message)
        for entity in (topology.jobs.path, topology.pages.path, topology.indicators.path):
            async for letter in bus.dead(entity):
                peeked._note(letter, topology)
        return peeked

    def _note(self, letter: DeadLetter, topology: Topology) -> None:
        self.dead_letters.add(letter)
        if letter.entity == topology.pages.path:
            self.dead_chunks.update(_chunk_of(letter.message))
        elif letter.entity == topology.indicators.path:
            self._note_objects(self.dead_objects, letter.message)

    def _note_objects(self, newest: dict[tuple[str, str], str], message: Received) -> None:
        try:
            _, batch = decode(message, IndicatorBatch)
        except Poison:
            return  # it holds no indicator that can be read; it is listed as a dead letter all the same
        for item in batch.objects:
            key = (message.session_id or "", own_id(item.id, item.pattern))
            if item.revoked:
                self.revocations.add(key)
            else:
                newest[key] = max(newest.get(key, ""), timestamp(item.modified))


def _chunk_of(message: Received) -> Iterator[str]:
    try:
        yield envelope_of(message).id
    except Poison:
        return  # a stranger's message: it is no chunk of ours
