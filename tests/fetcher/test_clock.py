"""A machine whose clock is wrong: what Mimecast publishes is fetched once, whatever the clock said meanwhile."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.server_time import server_time
from mti.fetcher.records.checkpoint import SourceCheckpoint
from mti.fetcher.records.checkpoint_parts import Window
from mti.fetcher.timetable import Run
from mti.simulators.feed.store import LateBatch
from tests.fetcher.world import CUSTOMER, GRID, OLD_CUSTOMER, World, world

FAST = [timedelta(minutes=3), timedelta(hours=1), timedelta(hours=6), timedelta(days=400)]
DATE = "Tue, 24 Nov 2026 12:00:00 GMT"
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def set_clock(there: World, ahead: timedelta) -> None:
    """Have the machine's clock be ahead of Mimecast's, which goes on as it did."""
    truth = there.clock.server_now()
    there.clock.time, there.clock.server_ahead = truth + ahead, -ahead


def publish(there: World, count: int = 2, source: str = CUSTOMER) -> None:
    batch = LateBatch.model_validate({"feed": source, "count": count, "age_seconds": 0})
    there.mimecast.feeds[source].publish(batch, there.clock.server_now())


def published(there: World, source: str = CUSTOMER) -> int:
    """Return how many different detections of a source were published on the bus."""
    records = [record for chunk in there.topic.chunks() if chunk.source == source for record in chunk.records]
    objects: list[Any] = [found for record in records for found in record]
    return len({found["id"] for found in objects if found["type"] == "indicator"})


async def minutes(there: World, count: int, source: str = CUSTOMER) -> None:
    """Let minutes pass, with the schedule and the jobs of each, while detections are published."""
    for _ in range(count):
        publish(there, source=source)
        there.clock.turn(minutes=1)
        await there.schedule().run_once()
        while (message := there.queue.take()) and there.queue.due[message.sequence_number] <= there.clock.time:
            await there.step()


@pytest.mark.parametrize("ahead", [*FAST, *(-wrong for wrong in FAST)], ids=str)
async def test_a_clock_that_is_wrong_for_a_while_loses_nothing(
    tmp_path: Path, ahead: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(tmp_path) as there:
        await there.fetch()
        set_clock(there, ahead)
        await minutes(there, 8)
        pause = (await there.checkpoint()).pause
        assert pause is not None
        assert pause.reason == "ClockSkew"
        assert ("ahead of" if ahead > timedelta() else "behind") in pause.description
        assert "NTP" in pause.description
        assert any(record.message.startswith("this machine's clock is not Mimecast's") for record in caplog.records)
        set_clock(there, timedelta())
        await minutes(there, 30)
        there.clock.turn(minutes=30)
        checkpoint = await there.fetch()
        assert checkpoint.pause is None
        assert published(there) == there.truth()


@pytest.mark.parametrize("ahead", [timedelta(seconds=100), timedelta(seconds=15), -timedelta(seconds=100)], ids=str)
async def test_a_clock_that_is_a_little_wrong_for_good_loses_nothing_either(tmp_path: Path, ahead: timedelta) -> None:
    async with world(tmp_path) as there:
        set_clock(there, ahead)
        await minutes(there, 25)
        there.clock.turn(minutes=30)
        await there.fetch()
        checkpoint = await there.checkpoint()
        assert checkpoint.pause is None
        assert checkpoint.covered_until is not None
        assert checkpoint.covered_until <= there.clock.server_now() + timedelta(seconds=2)
        assert published(there) == there.truth()


async def test_a_window_is_never_closed_beyond_mimecasts_own_time(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        set_clock(there, timedelta(seconds=90))
        checkpoint = await there.fetch()
        assert checkpoint.covered_until is not None
        assert checkpoint.covered_until <= there.clock.server_now()


async def test_a_run_until_idle_ends_although_the_clock_is_a_little_fast(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        set_clock(there, timedelta(seconds=90))
        there.run = Run(started=there.clock.now(), until_idle=True)
        there.clock.turn(seconds=1)
        await there.schedule().run_once()
        await there.drain()
        assert await there.schedule().run_once() == 0
        assert published(there) == there.truth()


@pytest.mark.parametrize("source", [OLD_CUSTOMER, GRID])
async def test_the_clock_is_blamed_before_an_account_is(tmp_path: Path, source: str) -> None:
    """API 1.0 refuses what is signed by a wrong clock, and that must not read as refused credentials."""
    async with world(tmp_path) as there:
        set_clock(there, timedelta(hours=6))
        checkpoint = await there.fetch(source)
        assert checkpoint.pause is not None
        assert checkpoint.pause.reason == "ClockSkew"
        assert "accounts" not in checkpoint.pause.description
        assert checkpoint.accounts_failed == 0


async def test_what_a_fast_clock_claims_to_have_covered_is_fetched_again(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        later = there.clock.now() + timedelta(hours=6)
        damaged = SourceCheckpoint(covered_until=later, next_due=None, window=None, queued_at=later, last_success=later)
        versioned = await there.checkpoints.load(CUSTOMER, SourceCheckpoint())
        await there.checkpoints.save(versioned.with_value(damaged))
        assert await there.schedule().run_once() == 3
        await there.drain()
        assert published(there) == there.truth()
        checkpoint = await there.checkpoint()
        assert checkpoint.covered_until is not None
        assert checkpoint.covered_until <= there.clock.now()


async def test_a_run_until_idle_does_not_believe_what_a_fast_clock_claims_to_have_covered(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        later = there.clock.now() + timedelta(hours=6)
        damaged = SourceCheckpoint(covered_until=later, asked_until=later, last_success=later)
        versioned = await there.checkpoints.load(CUSTOMER, SourceCheckpoint())
        await there.checkpoints.save(versioned.with_value(damaged))
        there.run = Run(started=there.clock.now(), until_idle=True)
        there.clock.turn(seconds=1)
        await there.schedule().run_once()
        await there.drain()
        assert published(there) == there.truth()
        assert await there.schedule().run_once() == 0


@given(st.text(max_size=60))
def test_any_date_at_all_can_be_read_or_says_nothing(text: str) -> None:
    server_time(text, NOON, 1.0)


@pytest.mark.parametrize("date", [None, "", "soon", "Fri, 99 Foo 2026 99:99:99 GMT", "0"])
def test_a_date_that_can_not_be_read_says_nothing(date: str | None) -> None:
    assert server_time(date, NOON, 0.0) is None


@pytest.mark.parametrize(
    ("now", "took", "ahead"),
    [(0.0, 0.0, 0), (0.9, 0.0, 0), (30.0, 30.0, 0), (61.0, 0.0, 60), (-60.0, 0.0, -60), (91.0, 30.0, 60)],
)
def test_what_resolution_and_way_explain_is_no_difference(now: float, took: float, ahead: int) -> None:
    found = server_time(DATE, NOON + timedelta(seconds=now), took)
    assert found is not None
    assert found.ahead == timedelta(seconds=ahead)
    window = Window(start=NOON - timedelta(hours=1), end=NOON + timedelta(seconds=now - took))
    if ahead > 0:
        assert found.reached(window.end) == NOON - timedelta(seconds=took)
    else:
        assert found.reached(window.end) == window.end
