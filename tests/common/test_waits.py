"""What others tell us to wait is read, and believed up to half an hour."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from mti.common.errors import Pause
from mti.common.pauses import PauseState, paused
from mti.common.waits import LONGEST, clamped, http_date, reset_in, retry_after, seconds_told

pytestmark = pytest.mark.pure

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("30", timedelta(seconds=30)),
        (" 30 ", timedelta(seconds=30)),
        ("0", timedelta()),
        ("2.5", timedelta(seconds=2.5)),
        ("999999", LONGEST),
        ("9" * 5000, LONGEST),
        ("Tue, 24 Nov 2026 12:00:45 GMT", timedelta(seconds=45)),
        ("Tue, 24 Nov 2026 12:00:45 -0000", timedelta(seconds=45)),
        ("Tue, 24 Nov 2026 14:00:45 +0200", timedelta(seconds=45)),
        ("Tue, 24 Nov 2026 11:00:00 GMT", timedelta()),
        ("Tue, 24 Nov 2026 21:00:00 GMT", LONGEST),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST),
        ("Fri, 31 Dec 9999 23:59:59 -2359", LONGEST),
        ("Tue, 24 Nov 2026 12:00:45 +99999999", None),
        ("Tue, 24 Nov 2026 12:00:45 +9999999999999999999999", None),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("-5", None),
        ("1e9", None),
        ("NaN", None),
        ("soon", None),
        ("\u0665", None),
        ("30, 60", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_never_longer_than_half_an_hour(
    text: str | None, wait: timedelta | None
) -> None:
    assert retry_after(text, NOW) == wait


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("1500", timedelta(seconds=1.5)),
        ("0", timedelta()),
        (str(int(NOW.timestamp()) + 20), timedelta(seconds=20)),
        (str((int(NOW.timestamp()) + 20) * 1000), timedelta(seconds=20)),
        (str(int(NOW.timestamp()) - 20), timedelta()),
        ("1000000000", timedelta()),
        ("100000000000", timedelta()),
        ("Tue, 24 Nov 2026 12:00:45 GMT", timedelta(seconds=45)),
        ("Tue, 24 Nov 2026 11:00:00 GMT", timedelta()),
        ("100000000", LONGEST),
        ("1e300", LONGEST),
        ("inf", LONGEST),
        ("-1", None),
        ("nan", None),
        ("soon", None),
        (None, None),
    ],
)
def test_a_reset_is_milliseconds_or_the_time_that_it_is(text: str | None, wait: timedelta | None) -> None:
    assert reset_in(text, NOW) == wait


def test_a_date_without_a_zone_is_utc_and_none_is_no_date() -> None:
    assert http_date("Tue, 24 Nov 2026 12:00:00") == NOW
    assert http_date("") is None


def test_a_date_in_another_zone_is_said_in_utc() -> None:
    date = http_date("Tue, 24 Nov 2026 14:00:00 +0200")
    assert date == NOW
    assert date.tzinfo is UTC


def test_seconds_that_are_none_are_not_waited_for() -> None:
    assert (seconds_told(float("nan")), seconds_told(-1), seconds_told(float("inf"))) == (None, None, LONGEST)
    assert clamped(timedelta(days=-3)) == timedelta()


def test_a_pause_never_holds_longer_than_half_an_hour_whatever_is_told() -> None:
    error = Pause("RateLimited", "told", timedelta(days=4000))
    pause = paused(error, NOW, None, random.Random(1))
    assert pause.until == NOW + LONGEST


def pause_until(until: datetime, probed: datetime = NOW) -> PauseState:
    return PauseState(reason="X", description="x", since=probed, probed=probed, until=until)


def test_a_pause_that_was_written_down_for_years_holds_for_half_an_hour() -> None:
    pause = pause_until(datetime(9999, 12, 31, 23, 59, tzinfo=UTC))
    assert pause.left(NOW + timedelta(minutes=10)) == timedelta(minutes=20)
    assert pause.holds(NOW + timedelta(minutes=29), None)
    assert not pause.holds(NOW + timedelta(minutes=30), None)


def test_a_pause_that_a_wrong_clock_wrote_far_ahead_is_over() -> None:
    ahead = NOW + timedelta(hours=6)
    assert not pause_until(ahead + timedelta(minutes=5), ahead).holds(NOW, None)
    far = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    assert not pause_until(far, far).holds(NOW, None)


@pytest.mark.parametrize(
    ("probed", "is_of"),
    [
        (timedelta(minutes=-11), False),
        (timedelta(minutes=-10), True),
        (timedelta(), True),
        (timedelta(minutes=2), True),
        (timedelta(hours=1), False),
        (timedelta(days=400), False),
    ],
)
def test_a_pause_is_of_this_run_when_it_was_found_since_and_not_by_a_clock_that_was_wrong(
    probed: timedelta, is_of: bool
) -> None:
    pause = pause_until(NOW + probed + timedelta(minutes=5), NOW + probed)
    assert pause.is_of(NOW, NOW - timedelta(minutes=10)) is is_of
    assert pause.holds(NOW, NOW - timedelta(minutes=10)) is (is_of and probed > timedelta(minutes=-5))
