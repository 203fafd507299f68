"""The books: what came in, what became of it, and whether the sums close. Plain data, ready for JSON."""

from dataclasses import asdict, dataclass, field
from datetime import datetime

from pydantic import JsonValue, TypeAdapter

from mti.common.pauses import PauseState


@dataclass(slots=True, kw_only=True)
class SourceBooks:
    """One source, in detections unless it says otherwise."""

    source: str
    tenant: str | None
    """`None` for a grid that a region shares."""
    feed: str
    region: str
    detections: int = 0
    """What the fetcher published."""
    new: int = 0
    refreshed: int = 0
    suppressed: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    """By reason."""
    waiting: int = 0
    """In chunks that are still on the bus."""
    dead: int = 0
    """In chunks that were dead-lettered whole, before they could be counted."""
    indicators_new: int = 0
    indicators_refreshed: int = 0
    covered_until: datetime | None = None
    """All that Mimecast had published by then was fetched."""
    pause: PauseState | None = None

    @property
    def lost(self) -> int:
        """Detections that are nowhere: more than nothing is a defect."""
        accounted = self.new + self.refreshed + self.suppressed + sum(self.rejected.values())
        return self.detections - accounted - self.waiting - self.dead

    @property
    def closed(self) -> bool:
        """Whether every detection is accounted for."""
        return self.lost == 0


@dataclass(slots=True, kw_only=True)
class DestinationBooks:
    """One workspace, in indicators (distinct ids)."""

    destination: str
    tenants: list[str]
    expected: int = 0
    """Indicators that the sources routed here have made."""
    accepted: int = 0
    """Of these, held by the workspace in their newest version."""
    refused: dict[str, int] = field(default_factory=dict)
    """Of these, refused by Sentinel, by reason."""
    waiting: int = 0
    """Of these, in messages that are still on the bus."""
    dead: int = 0
    """Of these, in dead letters, and not refused by Sentinel."""
    lost: int = 0
    """Of these, nowhere: more than nothing is a defect."""
    doubled: int = 0
    """Observables that the workspace holds under more than one id: more than nothing is a defect."""
    unexpected: int = 0
    """Held by the workspace, though no source routed here made it: more than nothing is a defect."""
    requests: int = 0
    throttled: int = 0
    pause: PauseState | None = None

    @property
    def closed(self) -> bool:
        """Whether the workspace holds exactly what it should, or each difference has a name."""
        return not (self.lost or self.doubled or self.unexpected)


@dataclass(slots=True, kw_only=True)
class DeadLetters:
    """The dead letters of one queue or subscription that share a reason."""

    entity: str
    reason: str
    messages: int
    example: str
    """The description of one of them."""


@dataclass(slots=True, kw_only=True)
class Reconciliation:
    """Everything, of one moment. Exact when nothing runs; an approximation while messages move."""

    sources: list[SourceBooks]
    destinations: list[DestinationBooks]
    dead_letters: list[DeadLetters]

    @property
    def closed(self) -> bool:
        """Whether all books close."""
        return all(books.closed for books in self.sources) and all(books.closed for books in self.destinations)

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data, sums and verdicts included."""
        return {
            "closed": self.closed,
            "sources": [{**_plain(books), "lost": books.lost, "closed": books.closed} for books in self.sources],
            "destinations": [{**_plain(books), "closed": books.closed} for books in self.destinations],
            "dead_letters": [_plain(letters) for letters in self.dead_letters],
            "totals": self.totals(),
        }

    def totals(self) -> dict[str, JsonValue]:
        """Return the sums over all sources and all destinations."""
        sources, destinations = self.sources, self.destinations
        return {
            "detections": sum(books.detections for books in sources),
            "new": sum(books.new for books in sources),
            "refreshed": sum(books.refreshed for books in sources),
            "suppressed": sum(books.suppressed for books in sources),
            "rejected": sum(sum(books.rejected.values()) for books in sources),
            "expected": sum(books.expected for books in destinations),
            "accepted": sum(books.accepted for books in destinations),
            "refused": sum(sum(books.refused.values()) for books in destinations),
            "waiting": sum(books.waiting for books in destinations),
            "dead": sum(books.dead for books in destinations),
            "lost": sum(books.lost for books in sources) + sum(books.lost for books in destinations),
            "doubled": sum(books.doubled for books in destinations),
            "unexpected": sum(books.unexpected for books in destinations),
            "requests": sum(books.requests for books in destinations),
        }


_JSON: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


def _plain(books: SourceBooks | DestinationBooks | DeadLetters) -> dict[str, JsonValue]:
    found = asdict(books)
    for name, value in found.items():
        if isinstance(value, datetime):
            found[name] = value.isoformat()
        elif isinstance(value, PauseState):
            found[name] = value.model_dump(mode="json")
    return _JSON.validate_python(found)
