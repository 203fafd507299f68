"""How a window ends, how often a source is asked, and what a paused one is asked for."""

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mti.common.contracts import job_message
from mti.common.registry import FeedFormat
from mti.simulators import FeedSpec, MimecastFault, MimecastFaultKind
from mti.simulators.mimecast import EmptyFeed, LastPage
from mti.simulators.times import parse_request_time
from tests.fetcher.test_troubles import fault, paused, whole
from tests.fetcher.world import CUSTOMER, GRID, NOW, World, world

NOTHING = FeedSpec(detections=0, test_files=0)
UNCOMPRESSED = fault(
    MimecastFaultKind.FAIL, code="err_x", message="Unable to compress feeds.", retryable=False, times=None
)


def asked(there: World, source: str = CUSTOMER) -> list[datetime]:
    """Return when the source was asked for pages."""
    return [datetime.fromisoformat(call.at) for call in there.mimecast.journal.calls if call.feed == source]


def windows(there: World) -> list[tuple[str, str]]:
    return [(call.start, call.end) for call in there.mimecast.journal.calls if call.page == 1]


@pytest.mark.parametrize("empty", list(EmptyFeed))
@pytest.mark.parametrize("form", [FeedFormat.STIX, FeedFormat.CSV])
@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("last_page", [LastPage.NO_TOKEN, LastPage.EMPTY_NEW_TOKENS])
async def test_a_window_that_holds_nothing_is_closed_by_one_call_however_that_is_said(
    tmp_path: Path, empty: EmptyFeed, form: FeedFormat, compress: bool, last_page: LastPage
) -> None:
    habits: dict[str, Any] = {"empty": empty, "last_page": last_page, "account_fields": {"format": form}}
    async with world(tmp_path, spec=NOTHING, compress=compress, **habits) as there:
        checkpoint = await there.fetch()
        assert (checkpoint.covered_until, checkpoint.pause, checkpoint.window) == (NOW, None, None)
        assert there.calls() == [1]
        assert there.topic.sends == 0


@pytest.mark.parametrize("empty", list(EmptyFeed))
@pytest.mark.parametrize("last_page", list(LastPage))
async def test_a_page_that_brought_nothing_ends_its_window_whatever_token_stands_beside_it(
    tmp_path: Path, empty: EmptyFeed, last_page: LastPage
) -> None:
    async with world(tmp_path, empty=empty, last_page=last_page) as there:
        checkpoint = await there.fetch()
        await whole(there)
        assert await there.ledger() == there.truth()
        assert there.calls() == ([1, 2, 3] if last_page is LastPage.NO_TOKEN else [1, 2, 3, 4])
        assert checkpoint.next_due == NOW + timedelta(minutes=5)


async def test_a_window_without_anything_new_costs_one_call_each_time_it_is_due(tmp_path: Path) -> None:
    async with world(tmp_path, spec=NOTHING, last_page=LastPage.EMPTY_NEW_TOKENS) as there:
        for _ in range(6):
            await there.schedule().run_once()
            await there.drain()
            there.clock.turn(minutes=5)
        assert there.calls() == [1] * 6


async def test_unable_to_compress_ends_a_window_that_has_pages_behind_it_too(tmp_path: Path) -> None:
    rule = UNCOMPRESSED.model_copy(update={"page": 4})
    async with world(tmp_path, rule, last_page=LastPage.EMPTY_SAME_TOKEN) as there:
        await there.fetch()
        await whole(there)


async def test_unable_to_compress_is_a_failure_where_nothing_was_to_be_compressed(tmp_path: Path) -> None:
    async with world(tmp_path, UNCOMPRESSED, compress=False) as there:
        await there.fetch()
        assert (await paused(there)).reason == "RequestRefused"


class TestSpacing:
    async def test_the_calls_of_a_source_have_their_distance(self, tmp_path: Path) -> None:
        async with world(tmp_path, page_size=5) as there:
            there.spacing = timedelta(seconds=2)
            await there.fetch()
            times = asked(there)
            assert len(times) == 9
            assert all(later - earlier >= there.spacing for earlier, later in pairwise(times))
            await whole(there)

    async def test_jobs_that_were_sent_twice_do_not_break_it(self, tmp_path: Path) -> None:
        async with world(tmp_path, page_size=5) as there:
            there.spacing = timedelta(seconds=2)
            for _ in range(5):
                there.sent += 1
                await there.queue.send([job_message(CUSTOMER, 1_000_000 + there.sent)])
            await there.drain()
            times = asked(there)
            assert len(times) == 9
            assert all(later - earlier >= there.spacing for earlier, later in pairwise(times))

    async def test_sources_do_not_wait_for_each_other(self, tmp_path: Path) -> None:
        async with world(tmp_path, page_size=50) as there:
            there.spacing = timedelta(seconds=30)
            for source in (CUSTOMER, GRID):
                await there.fetch(source)
            assert asked(there) == asked(there, GRID) == [NOW]

    async def test_a_window_that_is_begun_anew_and_an_account_that_takes_over_keep_it(self, tmp_path: Path) -> None:
        rules = [
            fault(MimecastFaultKind.STATUS, page=2, status=400, retryable=False, feed=GRID),
            fault(MimecastFaultKind.STATUS, page=3, status=403, retryable=False, feed=GRID, account="contoso"),
        ]
        async with world(tmp_path, *rules) as there:
            there.spacing = timedelta(seconds=2)
            await there.fetch(GRID)
            times = asked(there, GRID)
            assert there.calls(GRID) == [1, 2, 1, 2, 3, 1, 2, 3]
            assert all(later - earlier >= there.spacing for earlier, later in pairwise(times))


async def test_accounts_that_fail_at_the_same_page_do_not_take_turns_at_it_for_ever(tmp_path: Path) -> None:
    rule = fault(MimecastFaultKind.STATUS, page=2, status=403, retryable=False, feed=GRID, times=None)
    async with world(tmp_path, rule) as there:
        await there.fetch(GRID)
        assert (await paused(there, GRID)).reason == "PermissionMissing"
        assert there.calls(GRID) == [1, 2, 1, 2]


class TestProbes:
    """What a paused source is asked for."""

    async def test_of_a_first_page_reach_up_to_now_and_leave_nothing_out(self, tmp_path: Path) -> None:
        rule = fault(MimecastFaultKind.FAIL, page=1, retryable=False, times=4)
        async with world(tmp_path, rule) as there:
            for _ in range(4):
                await there.fetch()
                there.clock.time = (await paused(there)).until
            await there.fetch()
            await whole(there)
            starts, ends = zip(*windows(there), strict=True)
            assert len(set(starts)) == 1
            assert list(ends) == sorted(set(ends))
            checkpoint = await there.checkpoint()
            covered, last = checkpoint.covered_until, parse_request_time(ends[-1])
            assert covered is not None
            assert last == covered.timestamp() * 1000

    async def test_of_a_later_page_go_back_to_a_longer_window_when_the_page_stays_unreadable(
        self, tmp_path: Path
    ) -> None:
        rule = MimecastFault(kind=MimecastFaultKind.HTML, feed=CUSTOMER, page=2, status=200, times=None)
        async with world(tmp_path, rule) as there:
            for _ in range(6):
                await there.fetch()
                there.clock.time = (await paused(there)).until
            assert len(set(windows(there))) >= 3
            there.mimecast.faults.clear()
            await there.fetch()
            await whole(there)

    async def test_of_a_later_page_keep_to_it_while_the_account_is_at_fault(self, tmp_path: Path) -> None:
        rule = fault(MimecastFaultKind.STATUS, page=2, status=403, retryable=False, times=5)
        async with world(tmp_path, rule) as there:
            for _ in range(5):
                await there.fetch()
                there.clock.time = (await paused(there)).until
            await there.fetch()
            assert there.calls()[:8] == [1, 2, 2, 2, 2, 2, 2, 3]
            await whole(there)

    async def test_are_never_stuck_with_one_window_whatever_the_reason(self, tmp_path: Path) -> None:
        rule = fault(MimecastFaultKind.STATUS, page=2, status=403, retryable=False, times=None)
        async with world(tmp_path, rule) as there:
            for _ in range(14):
                await there.fetch()
                there.clock.time = (await paused(there)).until
            assert len(set(windows(there))) > 1
