import pytest

from mti.operations.wording import age

pytestmark = pytest.mark.pure


def test_an_age_is_told_in_the_largest_unit_that_matters() -> None:
    assert [age(seconds) for seconds in (None, 0.2, 59, 119, 125, 3600 * 5, 3600 * 24 * 3)] == [
        "-", "0s", "59s", "1m59s", "2m", "5h", "3d",
    ]  # fmt: skip
