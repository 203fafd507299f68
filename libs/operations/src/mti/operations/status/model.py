"""What a status says: sources, workspaces and the bus at one moment, with the sums. Plain data, ready for JSON."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from pydantic import JsonValue

from mti.common.pauses import PauseState
from mti.operations.books import SourceBooks
from mti.operations.bus import BusLoads
from mti.operations.severity import severity
from mti.operations.to_json import to_json
from mti.publisher.records import ClockNote, Counts

LATE: Final = timedelta(minutes=30)
"""A source whose covered time is older than this is unwell."""


@dataclass(slots=True, kw_only=True)
class SourceStatus:
    """One source."""

    books: SourceBooks
    behind_seconds: float | None = None
    """How old `covered_until` is; `None` when no window was ever closed."""
    page: int = 0
    """Pages of the open window that are published."""
    window_open: bool = False
    next_due: datetime | None = None
    failures: int = 0
    dead_letters: int = 0
    """Messages, of chunks and of parts that were rejected."""

    @property
    def is_late(self) -> bool:
        """Whether what was published longer ago than `LATE` may not be fetched yet."""
        return self.behind_seconds is None or self.behind_seconds > LATE.total_seconds()

    @property
    def severity(self) -> int:
        """How unwell it is; 0 when it is well."""
        books = self.books
        return severity(books.lost, books.dead or self.dead_letters, books.pause, self.is_late)


@dataclass(slots=True, kw_only=True)
class DestinationStatus:
    """One workspace, in objects unless it says otherwise."""

    destination: str
    tenants: list[str]
    counts: Counts = field(default_factory=Counts)
    """Since ever; a redelivery counts again."""
    waiting_messages: int | None = None
    """`None` when it was not seen."""
    oldest_waiting: datetime | None = None
    waiting_seconds: float | None = None
    dead_letters: int = 0
    """Messages."""
    pause: PauseState | None = None
    clock: ClockNote | None = None
    """That the clock of its publisher was wrong, when it last published there."""

    @property
    def severity(self) -> int:
        """How unwell it is; 0 when it is well."""
        return severity(0, self.dead_letters, self.pause)


@dataclass(slots=True, kw_only=True)
class Status:
    """One moment."""

    at: datetime
    sources: list[SourceStatus]
    destinations: list[DestinationStatus]
    loads: BusLoads
    notes: list[str] = field(default_factory=list)

    @property
    def closed(self) -> bool:
        """Whether every detection that came in is accounted for; of the workspaces `reconcile` says it."""
        return all(each.books.closed for each in self.sources)

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return {
            "at": self.at.isoformat(),
            "closed": self.closed,
            "sources": [_source_document(each) for each in self.sources],
            "destinations": [to_json(each) for each in self.destinations],
            "tenants": tenants_of(self),
            "bus": {path: to_json(load) for path, load in self.loads.entities.items()},
            "totals": totals_of(self.sources, self.destinations),
            "notes": list[JsonValue](self.notes),
        }


def _source_document(each: SourceStatus) -> dict[str, JsonValue]:
    document = to_json(each)
    books = document.pop("books")
    assert isinstance(books, dict)  # noqa: S101  a dataclass
    return {**books, "lost": each.books.lost, "closed": each.books.closed, **document}


def tenants_of(status: Status) -> dict[str, JsonValue]:
    """Return the sums of each tenant: its own sources and workspaces. What several share is under `*`."""
    sources: defaultdict[str, list[SourceStatus]] = defaultdict(list)
    destinations: defaultdict[str, list[DestinationStatus]] = defaultdict(list)
    for source in status.sources:
        sources[source.books.tenant or "*"].append(source)
    for destination in status.destinations:
        destinations[_owner(destination)].append(destination)
    return {name: totals_of(sources[name], destinations[name]) for name in sorted({*sources, *destinations})}


def totals_of(sources: Sequence[SourceStatus], destinations: Sequence[DestinationStatus]) -> dict[str, JsonValue]:
    """Return sums over sources and destinations."""
    books = [each.books for each in sources]
    waiting = [each.waiting_messages for each in destinations]
    return {
        "detections": sum(each.detections for each in books),
        "new": sum(each.new for each in books),
        "refreshed": sum(each.refreshed for each in books),
        "suppressed": sum(each.suppressed for each in books),
        "rejected": sum(sum(each.rejected.values()) for each in books),
        "waiting": sum(each.waiting for each in books),
        "dead": sum(each.dead for each in books),
        "lost": sum(each.lost for each in books),
        "accepted": sum(each.counts.accepted for each in destinations),
        "refused": sum(each.counts.refused for each in destinations),
        "requests": sum(each.counts.requests for each in destinations),
        "throttled": sum(each.counts.throttled for each in destinations),
        "waiting_messages": sum(known) if len(known := _known(waiting)) == len(waiting) else None,
        "dead_letters": sum(
            each.dead_letters for each in chain[SourceStatus | DestinationStatus](sources, destinations)
        ),
        "paused": sum(
            pause is not None
            for pause in chain((each.books.pause for each in sources), (each.pause for each in destinations))
        ),
    }


def _known(counts: Iterable[int | None]) -> list[int]:
    return [count for count in counts if count is not None]


def _owner(each: DestinationStatus) -> str:
    return each.tenants[0] if len(each.tenants) == 1 else "*"
