"""What moving an indicator costs, against what Sentinel bills for storing it; and operations, against the naive way.

The real handlers over a store and senders that count (`tests/support/measuring.py`): the figures are exact, and the
same in every run, so there is one.
"""

from mti.operations.cost.moving import moving
from mti.operations.cost.prices import list_prices
from tests.bench.results import report
from tests.support.measuring import measure

SIGHTINGS = 7
"""Detections of one observable in a feed with real repeats: those of the simulated feeds."""


async def main() -> None:
    """Measure every step, and report the two ratios."""
    steps, prices = await measure(), list_prices()
    first, repeated = moving(steps, prices), moving(steps, prices, sightings=SIGHTINGS)
    report(
        "operations_vs_naive",
        [repeated.operations_vs_naive],
        operations_an_indicator=repeated.operations,
        naive_operations_an_indicator=repeated.naive_operations,
        with_no_repeats=first.operations_vs_naive,
    )
    report(
        "cost_vs_sentinel",
        [first.cost_vs_sentinel],
        request_units_an_indicator=first.request_units,
        dollars_a_million_indicators=first.cost * 1e6,
        sentinel_dollars_a_million_rows=first.sentinel * 1e6,
        with_repeats=repeated.cost_vs_sentinel,
        on_autoscale=first.on_autoscale / first.sentinel,
        of_all_rows_while_active=first.cost_vs_life,
    )
