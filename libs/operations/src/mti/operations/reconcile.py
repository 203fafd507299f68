"""The reconciliation: what came in against what became of it, set against set, by the services' own books."""

from mti.common.ports.clock import SystemClock
from mti.common.registry import Registry
from mti.common.topology import STANDARD, Topology
from mti.fetcher.records import SourceCheckpoint, source_checkpoints
from mti.normalizer.records import HANDLED, Ledger
from mti.operations.books import DestinationBooks, Reconciliation, SourceBooks
from mti.operations.bus import BusView
from mti.operations.destinations import DestinationAudit, Undelivered
from mti.operations.locate import Hidden, locate_chunks, locate_objects
from mti.operations.on_the_bus import OnTheBus
from mti.operations.sources import SourceAudit
from mti.operations.stores import Stores
from mti.publisher.records import DestinationCheckpoint, destination_checkpoints


async def reconcile(registry: Registry, stores: Stores, bus: BusView, topology: Topology = STANDARD) -> Reconciliation:
    """Reconcile everything. Memory grows with what is not delivered, not with what is.

    While messages move, one may leave the bus between the look at a store and the look at the bus. So what seems to be
    lost is looked up once more in the books before it is said.
    """
    sources, unhandled = await _sources(registry, stores)
    destinations, undelivered = await _destinations(registry, stores)
    on_the_bus = await OnTheBus.peek(
        bus, chunks=bool(unhandled), indicators=any(undelivered.values()), topology=topology
    )
    unseen = bus.unseen()
    hidden = Hidden(unseen, topology)
    handled = Ledger(stores.normalizer.container(HANDLED))
    for source in sources:
        await locate_chunks(source, unhandled.get(source.source, {}), on_the_bus, hidden, handled)
    audit = DestinationAudit(registry, stores.normalizer, stores.publisher, SystemClock())
    for destination in destinations:
        await locate_objects(destination, undelivered[destination.destination], on_the_bus, hidden, audit)
    return Reconciliation(
        sources=sources,
        destinations=destinations,
        dead_letters=sorted(on_the_bus.dead_letters.all(), key=lambda group: (group.entity, group.reason)),
        notes=[*unseen.notes, *hidden.notes()],
    )


async def _sources(registry: Registry, stores: Stores) -> tuple[list[SourceBooks], dict[str, dict[str, int]]]:
    audit = SourceAudit(stores.fetcher, stores.normalizer, SystemClock())
    checkpoints = source_checkpoints(stores.fetcher.container("checkpoints"))
    sources: list[SourceBooks] = []
    unhandled: dict[str, dict[str, int]] = {}
    async for books, missing in audit.each(registry):
        name = books.source
        checkpoint = (await checkpoints.load(name, SourceCheckpoint())).value
        books.covered_until, books.pause = checkpoint.covered_until, checkpoint.pause
        sources.append(books)
        unhandled |= {name: missing} if missing else {}
    return sources, unhandled


async def _destinations(
    registry: Registry, stores: Stores
) -> tuple[list[DestinationBooks], dict[str, dict[str, Undelivered]]]:
    audit = DestinationAudit(registry, stores.normalizer, stores.publisher, SystemClock())
    checkpoints = destination_checkpoints(stores.publisher.container("checkpoints"))
    destinations: list[DestinationBooks] = []
    undelivered: dict[str, dict[str, Undelivered]] = {}
    for destination in registry.destinations.values():
        books, undelivered[destination.id] = await audit.of(destination)
        checkpoint = (await checkpoints.load(destination.id, DestinationCheckpoint())).value
        books.requests, books.throttled = checkpoint.counts.requests, checkpoint.counts.throttled
        books.pause = checkpoint.pause
        destinations.append(books)
    return destinations, undelivered
