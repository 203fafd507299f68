"""What the servers say of this machine's clock: what is said of it, measured, and made of it."""

import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from mti.common.clock_check import ClockCheck, CorrectedClock
from mti.common.ports.clock import SystemClock
from mti.common.telemetry.attributes import ENTRA, MIMECAST, SENTINEL
from tests.support.recorded import recorded, series

pytestmark = pytest.mark.pure

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Turned(SystemClock):
    """A clock that the test sets, and a time that passes apart from it."""

    def __init__(self) -> None:
        self.time = NOON
        self.passed = 0.0

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.passed


def hear(check: ClockCheck, server: str, ahead: timedelta) -> None:
    """Have a server say that the clock, which shows noon, is that far ahead."""
    check.compare(server, format_datetime(NOON - ahead, usegmt=True), 0.0)


def test_the_gauge_tells_by_how_much_the_clock_is_ahead_of_each_server() -> None:
    check = ClockCheck(Turned())
    with recorded() as there:
        hear(check, MIMECAST, 2 * HOUR)
        hear(check, MIMECAST, HOUR)
        hear(check, SENTINEL, -HOUR)
        hear(check, ENTRA, timedelta())
        check.compare(ENTRA, "not a date", 0.0)
    assert there.points("mti.clock.ahead") == {
        series(mti_api="mimecast"): 3599,  # a second is the resolution of a date
        series(mti_api="sentinel"): -3600,
        series(mti_api="entra"): 0,
    }


def test_a_wrong_clock_is_said_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    check = ClockCheck(Turned())
    with caplog.at_level(logging.INFO):
        for ahead in (0, 9, 60, 3600, 60, 8, 60, 3, 0):
            hear(check, SENTINEL, timedelta(seconds=ahead))
    assert [record.getMessage() for record in caplog.records] == [
        "this machine's clock is not Sentinel's: have it set by NTP",
        "this machine's clock is Sentinel's again",
    ]


@pytest.mark.parametrize(
    ("sentinel", "entra", "ahead"),
    [
        (6 * HOUR, 6 * HOUR, 6 * HOUR),
        (-6 * HOUR, -6 * HOUR, -6 * HOUR),
        (6 * HOUR, HOUR, HOUR),
        (-6 * HOUR, -HOUR, -HOUR),
        (6 * HOUR, timedelta(), timedelta()),
        (6 * HOUR, -6 * HOUR, timedelta()),
        (timedelta(seconds=100), timedelta(seconds=100), timedelta()),
    ],
)
def test_the_clock_is_set_right_by_as_much_as_all_say(sentinel: timedelta, entra: timedelta, ahead: timedelta) -> None:
    clock = Turned()
    check = ClockCheck(clock)
    hear(check, SENTINEL, sentinel)
    hear(check, ENTRA, entra)
    assert abs(CorrectedClock(clock, check).now() - (NOON - ahead)) <= timedelta(seconds=1)


def test_a_word_is_not_believed_for_long_since_clocks_are_set() -> None:
    clock = Turned()
    check = ClockCheck(clock)
    hear(check, SENTINEL, 6 * HOUR)
    assert check.ahead() > 5 * HOUR
    clock.passed = 601.0
    assert CorrectedClock(clock, check).now() == NOON


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT"])
def test_a_date_at_the_end_of_the_calendar_breaks_nothing(date: str) -> None:
    clock = Turned()
    check = ClockCheck(clock)
    check.compare(SENTINEL, date, 1.0)
    CorrectedClock(clock, check).now()
    clock.time = datetime(1, 1, 1, tzinfo=UTC)
    CorrectedClock(clock, check).now()
