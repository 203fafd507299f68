"""A normalizer for measurements: the handler on a store, and a topic that forgets what it is sent."""

from collections.abc import Sequence
from dataclasses import dataclass

from mti.common.adapters.packed import PackedStore
from mti.common.ports.bus import Outgoing
from mti.common.registry import Registry
from mti.normalizer.emitting import Emitter
from mti.normalizer.handler import NormalizeHandler
from mti.normalizer.records import KnownIndicators, Ledger, Offsets
from tests.normalizer.world import CONTOSO, GRID, StandingClock, registry
from tests.support.service_world import route


@dataclass
class Topic:
    """Forgets what it is sent."""

    bodies: int = 0

    async def send(self, messages: Sequence[Outgoing]) -> None:
        self.bodies += len(messages)


def handler_on(store: PackedStore, topic: Topic) -> NormalizeHandler:
    """Return a normalizer that sends what is new of the grid to one workspace."""
    return NormalizeHandler(
        Registry(sources=registry().sources, destinations={}, routes=(route(GRID, CONTOSO),)),
        Emitter(KnownIndicators(store.container("known"), StandingClock()), topic),
        Ledger(store.container("ledger")),
        Offsets(store.container("checkpoints")),
        pages=Topic(),
        to="normalizer",
    )
