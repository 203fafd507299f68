from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.pauses import PauseState
from mti.common.server_time import ServerTime
from mti.fetcher.records.checkpoint import SourceCheckpoint
from mti.fetcher.records.checkpoint_parts import AHEAD, Damage, TokenMemory, Window
from mti.fetcher.windows import (
    PROBES_OF_A_PAGE,
    PROBES_OF_ANY_PAGE,
    accepted_damage,
    account_after,
    account_for,
    advanced,
    reached,
    remembered,
    request_for,
    with_open_window,
)
from tests.fetcher.world import CUSTOMER, GRID, NOW, registry
from tests.support.service_world import account, source

pytestmark = pytest.mark.pure

SOURCE = registry("https://eu-api.mimecast.com").sources[CUSTOMER]
MOMENTS = st.integers(0, 366 * 86_400_000).map(lambda ms: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))


def test_the_first_window_looks_back() -> None:
    window = with_open_window(SourceCheckpoint(), SOURCE, NOW).window
    assert window is not None
    assert (window.start, window.end) == (NOW - timedelta(days=7), NOW)


def test_a_window_that_is_open_keeps_its_bounds() -> None:
    first = with_open_window(SourceCheckpoint(), SOURCE, NOW)
    assert with_open_window(first, SOURCE, NOW + timedelta(hours=5)).window == first.window


def entry_of(checkpoint: SourceCheckpoint) -> object:
    data = request_for(checkpoint, SOURCE, SOURCE.accounts[0], compress=True).body()["data"]
    assert isinstance(data, list)
    [entry] = data
    return entry


def test_with_a_token_neither_start_nor_end_is_sent() -> None:
    first = with_open_window(SourceCheckpoint(), SOURCE, NOW)
    assert entry_of(first) == {
        "feedType": "malware_customer",
        "fileType": "stix",
        "compress": True,
        "start": "2026-11-17T12:00:00+0000",
        "end": "2026-11-24T12:00:00+0000",
    }
    assert entry_of(advanced(first, SOURCE, "t").checkpoint) == {
        "feedType": "malware_customer",
        "fileType": "stix",
        "compress": True,
        "token": "t",
    }


@given(st.lists(MOMENTS, min_size=1, max_size=20))
def test_windows_leave_no_gap_and_what_is_covered_never_shrinks(moments: list[datetime]) -> None:
    checkpoint = SourceCheckpoint()
    for now in moments:
        before = checkpoint
        claimed = with_open_window(checkpoint, SOURCE, now)
        assert claimed.window is not None
        assert claimed.window.start <= claimed.window.end <= now
        if before.covered_until is not None:
            assert claimed.window.start <= before.covered_until
        checkpoint = advanced(claimed, SOURCE, None).checkpoint
        assert checkpoint.covered_until is not None
        if before.covered_until is not None and before.covered_until <= now + AHEAD:
            assert checkpoint.covered_until >= before.covered_until
        assert checkpoint.revision > claimed.revision > before.revision


@given(lead=st.integers(0, 30), length=st.integers(1, 30))
def test_a_circle_of_tokens_is_noticed_soon_whatever_its_length(lead: int, length: int) -> None:
    checkpoint = with_open_window(SourceCheckpoint(), SOURCE, NOW)
    for step in range(4 * (lead + length) + 4):
        number = step if step < lead else lead + (step - lead) % length
        found = advanced(checkpoint, SOURCE, f"token {number}")
        if found.looped:
            assert step >= lead + length, "a token was taken for one that was seen before"
            assert found.checkpoint.token is None
            assert found.checkpoint.window == checkpoint.window
            return
        checkpoint = found.checkpoint
    raise AssertionError("the circle was not noticed")


@given(st.integers(1, 300))
def test_tokens_that_differ_are_no_circle_and_take_no_memory(count: int) -> None:
    memory = TokenMemory()
    for number in range(count):
        memory, repeats = remembered(memory, f"token {number}")
        assert not repeats
    assert len(memory.model_dump_json()) < 100


def paused_at(reason: str, attempts: int, *, token: str | None) -> SourceCheckpoint:
    opened = with_open_window(SourceCheckpoint(), SOURCE, NOW)
    moved = opened if token is None else advanced(opened, SOURCE, token).checkpoint
    later = NOW + timedelta(minutes=5)
    return moved.paused(
        PauseState(reason=reason, description="x", since=NOW, probed=NOW, until=later, attempts=attempts)
    )


@pytest.mark.parametrize(
    ("reason", "attempts", "token", "moves"),
    [
        ("MimecastUnavailable", 1, None, True),
        ("MimecastUnavailable", PROBES_OF_ANY_PAGE - 1, "t", False),
        ("MimecastUnavailable", PROBES_OF_ANY_PAGE, "t", True),
        ("UnreadablePage", PROBES_OF_A_PAGE - 1, "t", False),
        ("UnreadablePage", PROBES_OF_A_PAGE, "t", True),
    ],
)
def test_a_paused_source_has_its_window_end_now_at_its_first_page_or_a_late_probe(
    reason: str, attempts: int, token: str | None, moves: bool
) -> None:
    paused = paused_at(reason, attempts, token=token)
    probed = with_open_window(paused, SOURCE, NOW + timedelta(hours=1, microseconds=7))
    end = NOW + timedelta(hours=1) if moves else NOW
    assert probed.window == Window(start=NOW - SOURCE.lookback, end=end)


def test_a_window_is_never_moved_back() -> None:
    paused = paused_at("MimecastUnavailable", 1, token=None)
    assert with_open_window(paused, SOURCE, NOW - timedelta(hours=1)).window == paused.window


@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_damage_is_accepted_once_it_came_three_times(times: int) -> None:
    damaged = SourceCheckpoint(damage=Damage(digest="same", times=times))
    assert accepted_damage(damaged) == ("same" if times >= 3 else None)
    assert accepted_damage(SourceCheckpoint()) is None


def test_a_window_ends_where_mimecasts_own_time_was_and_only_at_its_first_page() -> None:
    opened = with_open_window(SourceCheckpoint(), SOURCE, NOW)
    hour_behind = ServerTime(NOW - timedelta(hours=1), NOW - timedelta(minutes=59), timedelta(hours=1))
    bounded = reached(opened, hour_behind)
    assert bounded.window == Window(start=NOW - SOURCE.lookback, end=NOW, reached=NOW - timedelta(hours=1))
    done = advanced(bounded, SOURCE, None).checkpoint
    assert (done.covered_until, done.asked_until) == (NOW - timedelta(hours=1), NOW)
    assert done.next_due == NOW - timedelta(hours=1) + SOURCE.poll_interval
    further = advanced(opened, SOURCE, "t").checkpoint
    for unchanged in (
        reached(further, hour_behind) is further,
        reached(opened, None) is opened,
        reached(opened, ServerTime(NOW, NOW + timedelta(seconds=1), timedelta())) is opened,
        reached(SourceCheckpoint(), hour_behind) == SourceCheckpoint(),
    ):
        assert unchanged


def test_a_request_says_whose_feed_in_which_form_and_from_where() -> None:
    opened = with_open_window(SourceCheckpoint(), SOURCE, NOW)
    own = SOURCE.accounts[0]
    request = request_for(opened, SOURCE, own, compress=False)
    assert (request.source, request.feed, request.format) == (CUSTOMER, SOURCE.feed, own.format)
    assert (request.start, request.end, request.token) == (NOW - SOURCE.lookback, NOW, None)
    assert request.compress is False


def test_an_account_that_failed_is_followed_by_the_next_and_the_last_by_the_first() -> None:
    grid = source(GRID, account("one"), account("two"), account("three"))
    first, second, third = grid.accounts
    assert [account_after(each, grid) for each in grid.accounts] == [second, third, first]
    assert account_for(SourceCheckpoint(account="two"), grid) == second
    assert account_for(SourceCheckpoint(account="gone"), grid) == first
    assert with_open_window(SourceCheckpoint(account="three"), grid, NOW).account == "three"


def test_a_page_without_records_ends_its_window_whatever_token_it_has() -> None:
    opened = with_open_window(SourceCheckpoint(), SOURCE, NOW)
    assert advanced(opened, SOURCE, "t", brought=False).checkpoint.window is None
    assert not advanced(opened, SOURCE, "t", brought=False).looped
