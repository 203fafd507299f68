"""Parts of a sequence that are tried in order, the too large ones as halves."""

import pytest

from mti.common.halving import Halving

pytestmark = pytest.mark.pure


def _taken(items: list[int], size: int, most: int) -> list[list[int]]:
    """Return the parts that are taken when parts of more than `most` are too large."""
    waiting, taken = Halving.of(items, size), []
    while (part := waiting.take()) is not None:
        if len(part) > most:
            waiting.halve(part)
        else:
            taken.append(list(part))
    return taken


def test_what_fits_is_taken_in_parts_of_the_size() -> None:
    assert _taken([1, 2, 3, 4, 5], size=2, most=2) == [[1, 2], [3, 4], [5]]


@pytest.mark.parametrize("most", [1, 2, 3, 5, 8])
def test_halves_keep_the_order_and_lose_nothing(most: int) -> None:
    parts = _taken(list(range(17)), size=9, most=most)
    assert [item for part in parts for item in part] == list(range(17))
    assert all(0 < len(part) <= most for part in parts)


def test_of_an_odd_part_the_first_half_is_the_smaller() -> None:
    waiting = Halving([[1, 2, 3]])
    waiting.halve([1, 2, 3])
    assert waiting.take() == [1]
    assert waiting.take() == [2, 3]


def test_what_is_put_back_comes_next() -> None:
    waiting = Halving([["a"], ["b"]])
    waiting.put_back([["c"], ["d"]])
    assert [waiting.take() for _ in range(5)] == [["c"], ["d"], ["a"], ["b"], None]
