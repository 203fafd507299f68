from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.fetcher.records.checkpoint import AHEAD, SourceCheckpoint, TokenMemory
from mti.fetcher.windows import advanced, remembered, request_for, with_open_window
from tests.fetcher.world import CUSTOMER, NOW, registry

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
