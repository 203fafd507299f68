"""A quick status of everything while it runs: checkpoints, counts of the bus, sums of the ledgers.

What the exact reconciliation does, reading every id of every workspace, is left out here. So the sources' books are
exact, since a ledger is a sum and what is new; of the destinations it says what came and what waits, and not that
nothing is missing.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from mti.common.contracts import envelope_of
from mti.common.errors import Poison
from mti.common.ports.bus import Received
from mti.common.ports.clock import Clock
from mti.common.registry import Registry
from mti.common.topology import STANDARD, Topology
from mti.fetcher.records import SourceCheckpoint, source_checkpoints
from mti.normalizer.records import HANDLED, Ledger
from mti.operations.books import SourceBooks
from mti.operations.bus import BusLoads, BusView, DeadLetter, SessionLoad
from mti.operations.sources import SourceAudit
from mti.operations.status.clock_notes import clock_notes
from mti.operations.status.model import DestinationStatus, SourceStatus, Status
from mti.operations.stores import Stores
from mti.publisher.records import DestinationCheckpoint, destination_checkpoints

DEAD_LIMIT = 500
"""Dead letters of an entity that are read; beyond it their numbers by source and destination are lower bounds."""


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
    audited = [found async for found in audit.each(registry)]
    fetching = {key: each async for key, each in source_checkpoints(stores.fetcher.container("checkpoints")).all()}
    publishing = {
        key: each async for key, each in destination_checkpoints(stores.publisher.container("checkpoints")).all()
    }
    # The bus after the ledgers: a chunk that is in neither was handled in between, and its ledger says so now.
    loads = await view.loads()
    dead = await _DeadLetters.peek(view, loads, topology)
    now = clock.now()
    handled = Ledger(stores.normalizer.container(HANDLED))
    sources: list[SourceStatus] = []
    for books, unhandled in audited:
        await _locate(books, unhandled, dead, loads, topology, handled)
        sources.append(_source(books, fetching.get(books.source, SourceCheckpoint()), dead, now))
    destinations = [
        _destination(id, list(each.tenants), publishing.get(id, DestinationCheckpoint()), loads, dead, topology, now)
        for id, each in registry.destinations.items()
    ]
    notes = [*loads.notes, *dead.notes, *clock_notes(each.clock for each in destinations)]
    return Status(at=now, sources=sources, destinations=destinations, loads=loads, notes=notes)


@dataclass(slots=True)
class _DeadLetters:
    """The dead letters that were read."""

    chunks: set[str] = field(default_factory=set)
    by_source: Counter[str] = field(default_factory=Counter)
    by_destination: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    whole: bool = True

    @classmethod
    async def peek(cls, view: BusView, loads: BusLoads, topology: Topology) -> "_DeadLetters":
        peeked = cls()
        entities: tuple[tuple[str, Callable[[Received], None]], ...] = (
            (topology.jobs.path, peeked._note_job),
            (topology.pages.path, peeked._note_chunk),
            (topology.indicators.path, peeked._note_indicators),
        )
        for entity, note in entities:
            if loads.of(entity).dead == 0:
                continue
            read = 0
            async for letter in view.dead(entity):
                _noted(note, letter)
                read += 1
                if read >= DEAD_LIMIT:
                    peeked.whole = False
                    peeked.notes.append(
                        f"{entity} has more than {DEAD_LIMIT} dead letters; by source and destination only the oldest "
                        "are counted"
                    )
                    break
        return peeked

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
    books: SourceBooks,
    unhandled: dict[str, int],
    dead: _DeadLetters,
    loads: BusLoads,
    topology: Topology,
    handled: Ledger,
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
        elif (late := await handled.read(books.source, chunk)) is not None:
            books.take(late)


def _source(books: SourceBooks, checkpoint: SourceCheckpoint, dead: _DeadLetters, now: datetime) -> SourceStatus:
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
    dead: _DeadLetters,
    topology: Topology,
    now: datetime,
) -> DestinationStatus:
    loaded = [loads.of(path).sessions for path in (topology.indicators.path, topology.indicators.name)]
    seen = [sessions.get(id, SessionLoad()) for sessions in loaded if sessions is not None]
    oldest = min((load.oldest for load in seen if load.oldest is not None), default=None)
    return DestinationStatus(
        destination=id,
        tenants=tenants,
        counts=checkpoint.counts,
        waiting_messages=sum(load.waiting for load in seen) if seen else None,
        oldest_waiting=oldest,
        waiting_seconds=None if oldest is None else (now - oldest).total_seconds(),
        dead_letters=dead.by_destination[id],
        pause=checkpoint.pause,
        clock=checkpoint.clock,
    )
