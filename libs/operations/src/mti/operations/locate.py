"""Where what was not handled or delivered is: on the bus, in a dead letter, out of sight, or nowhere."""

import math
from collections import Counter
from collections.abc import Mapping

from mti.common.contracts.indicators import OBJECTS_LIMIT
from mti.common.topology import Topology
from mti.normalizer.records import Ledger
from mti.operations.books import DestinationBooks, SourceBooks
from mti.operations.bus import Unseen
from mti.operations.destinations import DestinationAudit, Undelivered
from mti.operations.on_the_bus import OnTheBus


class Hidden:
    """Room in the messages that can't be looked into: what is nowhere else may be in one, as far as they hold it."""

    def __init__(self, unseen: Unseen, topology: Topology) -> None:
        self._sessions = unseen.sessions
        self._topology = topology
        self._room: dict[str, float] = {
            topology.pages.name: _room(unseen, topology.pages.name, 1),
            topology.indicators.name: _room(unseen, topology.indicators.name, OBJECTS_LIMIT),
        }
        self._taken: Counter[str] = Counter()

    def may_hold_chunk(self) -> bool:
        """Say whether one more chunk may be out of sight, and count it."""
        return self._take(self._topology.pages.name)

    def may_hold_object(self, destination: str) -> bool:
        """Say whether one more indicator for a destination may be out of sight, and count it."""
        return destination in self._sessions or self._take(self._topology.indicators.name)

    def notes(self) -> list[str]:
        """Say what was taken to be there."""
        what = {self._topology.pages.name: "chunks", self._topology.indicators.name: "indicators"}
        return [
            f"{count:,} {what[topic]} are counted as waiting since they may be in scheduled messages of {topic}, "
            "which can't be looked into; look again when these were handed out"
            for topic, count in sorted(self._taken.items())
        ]

    def _take(self, topic: str) -> bool:
        if self._taken[topic] >= self._room[topic]:
            return False
        self._taken[topic] += 1
        return True


async def locate_chunks(
    source: SourceBooks, unhandled: Mapping[str, int], bus: OnTheBus, hidden: Hidden, handled: Ledger
) -> None:
    """Enter the chunks of a source that were published and not handled."""
    for chunk, detections in unhandled.items():
        if chunk in bus.waiting_chunks:
            source.waiting += detections
        elif chunk in bus.dead_chunks:
            source.dead += detections
        elif (late := await handled.read(source.source, chunk)) is not None:
            source.take(late)
        elif hidden.may_hold_chunk():
            source.waiting += detections


async def locate_objects(
    destination: DestinationBooks,
    undelivered: Mapping[str, Undelivered],
    bus: OnTheBus,
    hidden: Hidden,
    audit: DestinationAudit,
) -> None:
    """Enter the indicators that a destination neither holds nor refused."""
    nowhere: dict[str, Undelivered] = {}
    for id, missing in undelivered.items():
        key = (destination.destination, id)
        if missing.is_revocation:
            if key in bus.revocations or hidden.may_hold_object(destination.destination):
                destination.revoking += 1
            else:
                nowhere[id] = missing
        elif bus.waiting_objects.get(key, "") >= missing.version:
            destination.waiting += 1
        elif bus.dead_objects.get(key, "") >= missing.version:
            destination.dead += 1
        else:
            nowhere[id] = missing
    before = destination.lost
    await audit.enter_missing(destination, nowhere)
    seeming = destination.lost - before
    hidden_objects = sum(hidden.may_hold_object(destination.destination) for _ in range(seeming))
    destination.lost -= hidden_objects
    destination.waiting += hidden_objects


def _room(unseen: Unseen, topic: str, each: int) -> float:
    count = unseen.scheduled.get(topic, 0)
    return math.inf if count is None else count * each
