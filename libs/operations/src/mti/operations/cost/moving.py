"""What it costs to move one indicator from the feed into a workspace, and what Sentinel bills for storing it. Pure.

It is what each further indicator costs where chunks, messages and requests are full. What is paid whether anything
comes or not, the fetches above all, is in `month`.
"""

from dataclasses import dataclass
from typing import Final

from mti.operations.cost.assumptions import Assumptions
from mti.operations.cost.measured import Measured, Step
from mti.operations.cost.prices import Prices
from mti.operations.cost.quantities import CHUNK, MESSAGE

ROW: Final = 1.5 * 1024
"""Bytes of an indicator's row in Sentinel, as it is billed."""
_MILLION: Final = 1e6
_NAIVE_HOP: Final = 3 + 2
"""A message that is sent, received and completed, a read and a write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """One indicator."""

    request_units: float
    store_requests: float
    bus_operations: float
    cost: float
    """Of store and bus, each operation at the dearest tier: a serverless store, Service Bus Standard."""
    on_autoscale: float
    """The same, where the store's throughput follows the load by itself (`Assumptions.peak`)."""
    sentinel: float
    """For its row, once."""
    rows: float
    """That Sentinel writes of it while it is active."""
    naive_operations: float
    """Of store and bus, where each detection were a message, a read and a write, and each indicator too."""

    @property
    def operations(self) -> float:
        """Of store and bus."""
        return self.store_requests + self.bus_operations

    @property
    def cost_vs_sentinel(self) -> float:
        """What moving it costs, as a part of what storing it costs."""
        return self.cost / self.sentinel

    @property
    def cost_vs_life(self) -> float:
        """The same, of all rows that Sentinel writes while it is active: the upload, and its own republishing."""
        return self.cost_vs_sentinel / self.rows

    @property
    def operations_vs_naive(self) -> float:
        """How many times fewer operations it takes than the naive way."""
        return self.naive_operations / self.operations


def moving(steps: Measured, prices: Prices, *, sightings: float = 1.0) -> Moving:
    """Return what one indicator costs.

    Args:
        steps: what each step asks for.
        prices: what that costs.
        sightings: detections that show the same observable, of which the first one is new.
    """
    work = total(steps, detections=sightings, indicators=1.0)
    assumed = Assumptions()
    bus = prices.prices["servicebus_operations"].dearest * work.bus_operations
    unit_hour = prices.prices["cosmos_autoscale"].dearest / 100  # of a request unit a second, for an hour
    autoscale = unit_hour / 3600 * _MILLION * assumed.peak * work.request_units
    store = prices.prices["cosmos_serverless"].dearest * work.request_units
    return Moving(
        request_units=work.request_units,
        store_requests=work.reads + work.writes,
        bus_operations=work.bus_operations,
        cost=(store + bus) / _MILLION,
        on_autoscale=(autoscale + bus) / _MILLION,
        sentinel=prices.prices["sentinel_ingestion"].dearest * ROW / 1e9,
        rows=1 + assumed.validity / assumed.republished,
        naive_operations=_NAIVE_HOP * (sightings + 1.0),
    )


def total(steps: Measured, *, detections: float, indicators: float) -> Step:
    """Return what so many detections ask for, of which some make new indicators, in full chunks and messages."""
    chunks, messages = detections / CHUNK, indicators / MESSAGE
    return (
        (steps.chunk_fetched + steps.chunk).times(chunks)
        + steps.detection_new.times(indicators)
        + steps.detection_known.times(detections - indicators)
        + (steps.message + steps.batch).times(messages)
        + steps.object_new.times(indicators)
    )
