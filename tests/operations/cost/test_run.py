"""What a run has cost is computed from what its books count."""

from itertools import pairwise

import pytest

from mti.common.ports.clock import SystemClock
from mti.fetcher.records import CHECKPOINTS, SourceCheckpoint, source_checkpoints
from mti.normalizer.records import HANDLED, ChunkBooks, IndicatorCounts, Ledger
from mti.operations.cost.measured import measured
from mti.operations.cost.prices import list_prices
from mti.operations.cost.run import REVISIONS, Counted, counted_in, run_cost
from mti.operations.stores import Stores
from mti.publisher.records import Counts, DestinationCheckpoint, destination_checkpoints
from mti.simulation.store import MemoryStore
from tests.support.measuring import Pipeline, fetched
from tests.support.service_world import CONTOSO, CUSTOMER


@pytest.fixture
def stores() -> Stores:
    return Stores(*(MemoryStore(SystemClock()) for _ in range(3)))


async def test_the_books_say_how_much_there_was(stores: Stores) -> None:
    sources = source_checkpoints(stores.fetcher.container(CHECKPOINTS))
    await sources.save((await sources.load(CUSTOMER, SourceCheckpoint())).with_value(SourceCheckpoint(revision=12)))
    books = ChunkBooks(detections=10, new=4, suppressed=6, indicators=IndicatorCounts(new=3, refreshed=1))
    await Ledger(stores.normalizer.container(HANDLED)).write(CUSTOMER, "chunk-1", books)
    workspaces = destination_checkpoints(stores.publisher.container(CHECKPOINTS))
    reached = DestinationCheckpoint(counts=Counts(requests=2, accepted=4))
    await workspaces.save((await workspaces.load(CONTOSO, DestinationCheckpoint())).with_value(reached))
    found = await counted_in(stores)
    assert found == Counted(jobs=12 / REVISIONS, chunks=1, detections=10, indicators=4, requests=2, uploads=4)


async def test_an_empty_deployment_costs_nothing(stores: Stores) -> None:
    found = run_cost(await counted_in(stores), measured(), list_prices())
    assert (found.store, found.bus, found.sentinel, found.cost_vs_sentinel) == (0, 0, 0, None)


def test_a_run_is_what_its_steps_ask_for() -> None:
    steps, prices = measured(), list_prices()
    counted = Counted(jobs=5, chunks=2, detections=500, indicators=100, requests=1, uploads=90)
    found = run_cost(counted, steps, prices)
    units = 5 * steps.job.request_units + 2 * (steps.chunk_fetched.request_units + steps.chunk.request_units)
    units += 100 * steps.detection_new.request_units + 400 * steps.detection_known.request_units
    units += steps.batch.request_units + 90 * steps.object_new.request_units
    assert found.work.request_units == pytest.approx(units, abs=0.001)
    assert found.work.bus_operations == pytest.approx(3 * (5 + 2 + 1))
    assert found.store == pytest.approx(units * 0.25e-6)
    assert found.sentinel == pytest.approx(90 * 1536 * 4.30e-9)
    assert found.document()["cost_vs_sentinel"] == found.cost_vs_sentinel


async def test_a_job_makes_as_many_revisions_as_are_taken_for_one() -> None:
    there, revisions = Pipeline(), []
    async with there.fetcher() as fetcher:
        for _ in range(3):
            await fetched(there, fetcher)
            there.clock.turn(minutes=6)
            checkpoints = source_checkpoints(there.store.container(CHECKPOINTS)).all()
            revisions += [checkpoint.revision async for _, checkpoint in checkpoints]
    assert [after - before for before, after in pairwise(revisions)] == [REVISIONS, REVISIONS]
