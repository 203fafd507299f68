"""How much lies on the bus and for how long: what can be said without reading every message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLoad:
    """What waits for one destination."""

    waiting: int = 0
    """Messages, those that are scheduled included where they can be seen."""
    oldest: datetime | None = None
    """When the oldest of them came; `None` when that was not seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityLoad:
    """One queue, topic or subscription. `None` is not known, never zero."""

    active: int | None = None
    """To be handled now, or in somebody's hand."""
    scheduled: int | None = None
    """To be handled later: retries, and what waits behind a pause. Those of a topic are counted at the topic."""
    dead: int | None = None
    oldest: datetime | None = None
    sessions: Mapping[str, SessionLoad] | None = None
    """By destination, for the indicators; `None` where sessions were not looked into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusLoads:
    """All entities of one moment, by their paths (`raw-pages/subscriptions/normalizer`)."""

    entities: Mapping[str, EntityLoad]
    notes: Sequence[str] = field(default_factory=tuple)
    """What could not be seen, and why, in sentences."""

    def of(self, entity: str) -> EntityLoad:
        """Return one entity's; all unknown where there is none."""
        return self.entities.get(entity, EntityLoad())
