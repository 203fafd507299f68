"""When the embedded stack is done: a pure decision over one look at everything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

TRANSIENT = frozenset({"RateLimited", "MimecastRateLimited"})
"""Pauses that only wait for the other side's clock: a run waits for them."""


class SessionCounts(BaseModel):
    """Messages of one session, each in exactly one state."""

    active: int = 0
    locked: int = 0
    scheduled: int = 0


class EntityCounts(SessionCounts):
    """Messages of one queue, topic or subscription; a topic holds scheduled ones only."""

    model_config = ConfigDict(extra="ignore")

    deferred: int = 0
    dead_letter: int = 0
    sessions: dict[str, SessionCounts] = {}

    @property
    def live(self) -> int:
        """Messages that are still to be handled."""
        return self.active + self.locked + self.scheduled + self.deferred


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What was seen. The checkpoints were read before the counts: only so may a zero be believed."""

    uncovered: Sequence[str]
    """Sources whose window does not reach the start of the run yet, and that are not paused."""
    paused_destinations: Mapping[str, str]
    """Destinations that are paused, with the reason."""
    entities: Mapping[str, EntityCounts] = field(default_factory=dict)
    """By path: `fetch-jobs`, `raw-pages`, `raw-pages/subscriptions/normalizer`, …"""


class Verdict(StrEnum):
    """What the snapshot says."""

    BUSY = "busy"
    """There is work under way."""
    STALLED = "stalled"
    """A source is not covered, and no job is on its way. The schedule will see to it; if not, something is broken."""
    IDLE = "idle"
    """All is delivered, dead-lettered or waits behind a pause."""


def verdict(snapshot: Snapshot) -> Verdict:
    """Judge a snapshot."""
    waiting = {path: counts for path, counts in snapshot.entities.items() if counts.live}
    if any(not _waits_behind_a_pause(counts, snapshot.paused_destinations) for counts in waiting.values()):
        return Verdict.BUSY
    return Verdict.STALLED if snapshot.uncovered else Verdict.IDLE


def _waits_behind_a_pause(counts: EntityCounts, paused: Mapping[str, str]) -> bool:
    if counts.active or counts.locked or counts.deferred:
        return False
    by_session = sum(session.scheduled for session in counts.sessions.values())
    return by_session == counts.scheduled and all(
        paused.get(name, "RateLimited") not in TRANSIENT
        for name, session in counts.sessions.items()
        if session.scheduled
    )
