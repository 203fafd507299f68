from datetime import UTC, datetime

import pytest

from mti.cli.checkpoints import time_of
from mti.common.errors import ConfigurationError

pytestmark = pytest.mark.pure


def test_a_time_has_its_zone_and_a_day_begins_in_utc() -> None:
    assert time_of("2026-11-24T10:15:30Z") == datetime(2026, 11, 24, 10, 15, 30, tzinfo=UTC)
    assert time_of("2026-11-24T10:15:30+02:00") == datetime(2026, 11, 24, 8, 15, 30, tzinfo=UTC)
    assert time_of("2026-11-24") == datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-24T10:15:30", "2026-11-24 10:15", "24.11.2026"])
def test_a_time_without_a_zone_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"write 2026-11-24T10:15:30Z"):
        time_of(text)
