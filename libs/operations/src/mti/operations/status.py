"""A quick status of everything while it runs: checkpoints, counts of the bus, sums of the ledgers.

What the exact reconciliation does, reading every id of every workspace, is left out here. So the sources' books are
exact, since a ledger is a sum and what is new; of the destinations it says what came and what waits, and not that
nothing is missing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from pydantic import JsonValue

from mti.common.contracts import envelope_of
from mti.common.errors import Poison
from mti.common.pauses import PauseState
from mti.common.ports.bus import Received
from mti.common.ports.clock import Clock
from mti.common.registry import Registry
from mti.common.topology import STANDARD, Topology
from mti.fetcher.records import SourceCheckpoint, source_checkpoints
from mti.normalizer.records import HANDLED, Ledger
from mti.operations.books import SourceBooks
from mti.operations.bus import BusLoads, BusView, DeadLetter, SessionLoad
from mti.operations.clock_notes import clock_notes
from mti.operations.sources import SourceAudit
from mti.operations.stores import Stores
from mti.operations.to_json import to_json
from mti.publisher.records import ClockNote, Counts, DestinationCheckpoint, destination_checkpoints

DEAD_LIMIT = 500
"""Dead letters of an entity that are read; beyond it their numbers by source and destination are lower bounds."""


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
        return all(found.books.closed for found in self.sources)

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return {
            "at": self.at.isoformat(),
            "closed": self.closed,
            "sources": [_source_document(found) for found in self.sources],
            "destinations": [to_json(found) for found in self.destinations],
            "tenants": tenants_of(self),
            "bus": {path: to_json(load) for path, load in self.loads.entities.items()},
            "totals": totals_of(self.sources, self.destinations),
            "notes": list[JsonValue](self.notes),
        }


async def take_status(
    registry: Registry,
    stores: Stores,
    view: BusView,
    clock: Clock,
    topology: Topology = STANDARD,
) -> Status:
    """Look at everything once.

    Raises:
        BusUnavailable, StoreUnavailable: it can't be looked at.
    """
    audit = SourceAudit(stores.fetcher, stores.normalizer, clock)
    audited = {
        name: await audit.of(name, registry.sources.get(name))
        for name in sorted({*registry.sources, *await audit.sources()})
    }
    fetching = {key: found async for key, found in source_checkpoints(stores.fetcher.container("checkpoints")).all()}
    publishing = {
        key: found async for key, found in destination_checkpoints(stores.publisher.container("checkpoints")).all()
    }
    # The bus after the ledgers: a chunk that is in neither was handled in between, and its ledger says so now.
    loads = await view.loads()
    dead = await _Dead.peek(view, loads, topology)
    now = clock.now()
    handled = Ledger(stores.normalizer.container(HANDLED))
    sources: list[SourceStatus] = []
    for name, (books, unhandled) in audited.items():
        await _locate(books, unhandled, dead, loads, topology, handled)
        sources.append(_source(books, fetching.get(name, SourceCheckpoint()), dead, now))
    destinations = [
        _destination(id, list(found.tenants), publishing.get(id, DestinationCheckpoint()), loads, dead, topology, now)
        for id, found in registry.destinations.items()
    ]
    notes = [*loads.notes, *dead.notes, *clock_notes(found.clock for found in destinations)]
    return Status(at=now, sources=sources, destinations=destinations, loads=loads, notes=notes)


@dataclass(slots=True)
class _Dead:
    """The dead letters that were read."""

    chunks: set[str] = field(default_factory=set)
    by_source: Counter[str] = field(default_factory=Counter)
    by_destination: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    whole: bool = True

    @classmethod
    async def peek(cls, view: BusView, loads: BusLoads, topology: Topology) -> "_Dead":
        found = cls()
        entities: tuple[tuple[str, Callable[[Received], None]], ...] = (
            (topology.jobs.path, found._note_job),
            (topology.pages.path, found._note_chunk),
            (topology.indicators.path, found._note_indicators),
        )
        for entity, note in entities:
            if loads.of(entity).dead == 0:
                continue
            read = 0
            async for letter in view.dead(entity):
                _noted(note, letter)
                read += 1
                if read >= DEAD_LIMIT:
                    found.whole = False
                    found.notes.append(
                        f"{entity} has more than {DEAD_LIMIT} dead letters; by source and destination only the oldest "
                        "are counted"
                    )
                    break
        return found

    def _note_job(self, message: Received) -> None:
        self.by_source[envelope_of(message).source.removeprefix("/sources/")] += 1

    def _note_chunk(self, message: Received) -> None:
        envelope = envelope_of(message)
        self.chunks.add(envelope.id)
        self.by_source[envelope.source.removeprefix("/sources/")] += 1

    def _note_indicators(self, message: Received) -> None:
        self.by_destination[message.session_id or ""] += 1


def _noted(note: Callable[[Received], None], letter: DeadLetter) -> None:
    try:
        note(letter.message)
    except Poison:
        return  # a stranger's message: it belongs to no source


async def _locate(
    books: SourceBooks, unhandled: dict[str, int], dead: _Dead, loads: BusLoads, topology: Topology, handled: Ledger
) -> None:
    """Say of each chunk that was not handled where it is."""
    anything = any(
        count is None or count > 0
        for path in (topology.pages.name, topology.pages.path)
        for count in (loads.of(path).active, loads.of(path).scheduled)
    )
    for chunk, detections in unhandled.items():
        if chunk in dead.chunks:
            books.dead += detections
        elif anything or not dead.whole or (loads.of(topology.pages.path).dead is None):
            books.waiting += detections
        elif (found := await handled.read(books.source, chunk)) is not None:
            books.take(found)


def _source(books: SourceBooks, checkpoint: SourceCheckpoint, dead: _Dead, now: datetime) -> SourceStatus:
    books.covered_until, books.pause = checkpoint.covered_until, checkpoint.pause
    behind = None if checkpoint.covered_until is None else (now - checkpoint.covered_until).total_seconds()
    return SourceStatus(
        books=books,
        behind_seconds=behind,
        page=checkpoint.page,
        window_open=checkpoint.window is not None,
        next_due=checkpoint.next_due,
        failures=checkpoint.failures,
        dead_letters=dead.by_source[books.source],
    )


def _destination(
    id: str,
    tenants: list[str],
    checkpoint: DestinationCheckpoint,
    loads: BusLoads,
    dead: _Dead,
    topology: Topology,
    now: datetime,
) -> DestinationStatus:
    loaded = [loads.of(path).sessions for path in (topology.indicators.path, topology.indicators.name)]
    seen = [sessions.get(id, SessionLoad()) for sessions in loaded if sessions is not None]
    oldest = min((found.oldest for found in seen if found.oldest is not None), default=None)
    return DestinationStatus(
        destination=id,
        tenants=tenants,
        counts=checkpoint.counts,
        waiting_messages=sum(found.waiting for found in seen) if seen else None,
        oldest_waiting=oldest,
        waiting_seconds=None if oldest is None else (now - oldest).total_seconds(),
        dead_letters=dead.by_destination[id],
        pause=checkpoint.pause,
        clock=checkpoint.clock,
    )


def _source_document(found: SourceStatus) -> dict[str, JsonValue]:
    document = to_json(found)
    books = document.pop("books")
    assert isinstance(books, dict)  # noqa: S101  a dataclass
    return {**books, "lost": found.books.lost, "closed": found.books.closed, **document}


def tenants_of(status: Status) -> dict[str, JsonValue]:
    """Return the sums of each tenant: its own sources and workspaces. What several share is under `*`."""
    names = {found.books.tenant or "*" for found in status.sources}
    names |= {_owner(found) for found in status.destinations}
    return {
        name: totals_of(
            [found for found in status.sources if (found.books.tenant or "*") == name],
            [found for found in status.destinations if _owner(found) == name],
        )
        for name in sorted(names)
    }


def totals_of(sources: Sequence[SourceStatus], destinations: Sequence[DestinationStatus]) -> dict[str, JsonValue]:
    """Return sums over sources and destinations."""
    books = [found.books for found in sources]
    waiting = [found.waiting_messages for found in destinations]
    return {
        "detections": sum(found.detections for found in books),
        "new": sum(found.new for found in books),
        "refreshed": sum(found.refreshed for found in books),
        "suppressed": sum(found.suppressed for found in books),
        "rejected": sum(sum(found.rejected.values()) for found in books),
        "waiting": sum(found.waiting for found in books),
        "dead": sum(found.dead for found in books),
        "lost": sum(found.lost for found in books),
        "accepted": sum(found.counts.accepted for found in destinations),
        "refused": sum(found.counts.refused for found in destinations),
        "requests": sum(found.counts.requests for found in destinations),
        "throttled": sum(found.counts.throttled for found in destinations),
        "waiting_messages": sum(known) if len(known := _known(waiting)) == len(waiting) else None,
        "dead_letters": sum(
            found.dead_letters for found in chain[SourceStatus | DestinationStatus](sources, destinations)
        ),
        "paused": sum(
            pause is not None
            for pause in chain((found.books.pause for found in sources), (found.pause for found in destinations))
        ),
    }


def _known(counts: Iterable[int | None]) -> list[int]:
    return [count for count in counts if count is not None]


def _owner(found: DestinationStatus) -> str:
    return found.tenants[0] if len(found.tenants) == 1 else "*"
