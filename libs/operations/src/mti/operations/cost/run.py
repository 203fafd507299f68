"""What a run has cost so far, or would have on Azure: what its books count, at what each step was measured to ask for.

A store keeps no count of its calls, and SQLite is asked in other ways than Cosmos DB. But the books say how many jobs,
chunks, detections, indicators and requests there were, and what each of these asks for is measured
(`mti.operations.cost.measured`). What was done twice, since a process was killed, is not in the books and not in here.
"""

from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from mti.fetcher.records import CHECKPOINTS as SOURCES
from mti.fetcher.records import source_checkpoints
from mti.normalizer.records import HANDLED, Ledger
from mti.operations.cost.measured import Measured, Step
from mti.operations.cost.moving import ROW
from mti.operations.cost.prices import Prices
from mti.operations.stores import Stores
from mti.operations.to_json import to_json
from mti.publisher.records import CHECKPOINTS as DESTINATIONS
from mti.publisher.records import destination_checkpoints

REVISIONS: Final = 4
"""Of a source's checkpoint, for each job: it opens a window, claims the source, closes the window and gives the source
back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the books count, since ever."""

    jobs: float
    chunks: int
    detections: int
    indicators: int
    """That were emitted: new ones and refreshes."""
    requests: int
    """To Sentinel: a batch with a message each, at the least."""
    uploads: int
    """Objects that Sentinel accepted: rows that it bills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCost:
    """A run."""

    counted: Counted
    work: Step
    store: float
    """For request units, serverless."""
    bus: float
    """For operations, at the price of the first tier that is not free."""
    sentinel: float
    """For the rows."""

    @property
    def cost_vs_sentinel(self) -> float | None:
        """What store and bus cost, as a part of what Sentinel bills; `None` where nothing was uploaded."""
        return (self.store + self.bus) / self.sentinel if self.sentinel else None

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return {
            "counted": to_json(self.counted),
            "work": self.work.model_dump(mode="json"),
            "store": self.store,
            "bus": self.bus,
            "sentinel": self.sentinel,
            "cost_vs_sentinel": self.cost_vs_sentinel,
        }


async def counted_in(stores: Stores) -> Counted:
    """Count what the books of a deployment say.

    Raises:
        StoreUnavailable: one does not answer.
    """
    revisions = 0
    async for _, source in source_checkpoints(stores.fetcher.container(SOURCES)).all():
        revisions += source.revision
    ledger = Ledger(stores.normalizer.container(HANDLED))
    totals = [await ledger.totals(source) for source in await ledger.sources()]
    requests = uploads = 0
    async for _, destination in destination_checkpoints(stores.publisher.container(DESTINATIONS)).all():
        requests += destination.counts.requests
        uploads += destination.counts.accepted
    return Counted(
        jobs=revisions / REVISIONS,
        chunks=sum(each.chunks for each in totals),
        detections=sum(each.detections for each in totals),
        indicators=sum(each.indicators_new + each.indicators_refreshed for each in totals),
        requests=requests,
        uploads=uploads,
    )


def run_cost(counted: Counted, steps: Measured, prices: Prices) -> RunCost:
    """Return what a run has cost."""
    work = (
        steps.job.times(counted.jobs)
        + (steps.chunk_fetched + steps.chunk).times(counted.chunks)
        + steps.detection_new.times(counted.indicators)
        + steps.detection_known.times(max(0, counted.detections - counted.indicators))
        + (steps.message + steps.batch).times(counted.requests)
        + steps.object_new.times(counted.uploads)
    )
    return RunCost(
        counted=counted,
        work=work.rounded(),
        store=prices.prices["cosmos_serverless"].dearest * work.request_units / 1e6,
        bus=prices.prices["servicebus_operations"].dearest * work.bus_operations / 1e6,
        sentinel=prices.prices["sentinel_ingestion"].dearest * counted.uploads * ROW / 1e9,
    )
