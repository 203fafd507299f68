"""Request units at the corners of Microsoft's table, and between them."""

import pytest

from mti.operations.cost.prices import list_prices
from mti.operations.cost.request_units import KB, RequestUnits

pytestmark = pytest.mark.pure

TABLE = RequestUnits(
    read_1_kb=1, read_100_kb=10, insert_1_kb=5, insert_100_kb=50, replace_factor=2, query=2.8, query_key=0.05
)


@pytest.mark.parametrize(
    ("size", "charge"), [(0, 1), (1, 1), (KB, 1), (50 * KB + KB // 2, 5.5), (100 * KB, 10), (199 * KB, 19)]
)
def test_a_point_read_costs_what_the_table_says(size: int, charge: float) -> None:
    assert TABLE.point_read(size) == pytest.approx(charge)


@pytest.mark.parametrize(("size", "charge"), [(0, 5), (KB, 5), (50 * KB + KB // 2, 27.5), (100 * KB, 50)])
def test_to_insert_costs_what_the_table_says(size: int, charge: float) -> None:
    assert TABLE.insert(size) == pytest.approx(charge)
    assert TABLE.replace(size) == pytest.approx(2 * charge)
    assert TABLE.delete(size) == pytest.approx(charge)


def test_a_byte_beyond_the_first_kilobyte_costs_more() -> None:
    assert TABLE.point_read(KB) < TABLE.point_read(KB + 1) < TABLE.point_read(2 * KB)


def test_a_query_costs_what_it_finds_and_what_it_looks_for() -> None:
    assert TABLE.found([]) == pytest.approx(2.8)
    assert TABLE.found([KB, 100 * KB]) == pytest.approx(2.8 + 1 + 10)
    assert TABLE.found([KB], keys=100) == pytest.approx(2.8 + 1 + 5)


def test_the_rates_that_come_along_are_those_of_microsofts_pages() -> None:
    rates = list_prices().request_units
    assert (rates.point_read(KB), rates.point_read(100 * KB)) == pytest.approx((1, 10))
    assert (rates.insert(KB), rates.insert(100 * KB), rates.replace(KB)) == pytest.approx((5.5, 50, 11))
