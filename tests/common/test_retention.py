"""How long what is known of an indicator is kept."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.retention import KEEP_AFTER, LONGEST_TTL, time_to_live

pytestmark = pytest.mark.pure

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SPANS = st.timedeltas(timedelta(days=-400), timedelta(days=365 * 200))


@given(SPANS, st.sampled_from([UTC, timezone(timedelta(hours=-5, minutes=-30))]))
def test_it_is_kept_for_so_long_beyond_its_validity_and_a_part_of_a_second_is_a_whole_one(
    span: timedelta, zone: timezone
) -> None:
    lasting = max(span, timedelta()) + KEEP_AFTER
    expected = min(LONGEST_TTL, math.ceil(lasting / timedelta(seconds=1)))
    assert time_to_live((NOW + span).astimezone(zone), NOW) == expected
