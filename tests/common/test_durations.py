from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.registry.durations import LONGEST, format_duration, parse_duration

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("0s", 0),
        (" 15m ", 900),
        ("PT5M", 300),
        ("P7D", 604_800),
        ("P1DT12H", 129_600),
    ],
)
def test_a_duration_is_read_as_people_write_it(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "m", "P", "PT", "5 m", "-5m", "1.5h", "30m1h", "5m5m", "5M", "\u0665m", "5min"]
)
def test_what_is_no_duration_is_refused_with_the_cure(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write a whole number with its unit, such as 90s"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["3651d", "99999999999999999999d", "P9999W"])
def test_more_than_ten_years_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="longer than ten years"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=int(LONGEST.total_seconds())))
def test_what_is_written_is_read_again(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse_duration(format_duration(duration)) == duration


@given(st.text(max_size=20))
def test_any_text_is_either_a_duration_or_a_value_error(text: str) -> None:
    try:
        duration = parse_duration(text)
    except ValueError:
        return
    assert timedelta(0) <= duration <= LONGEST
