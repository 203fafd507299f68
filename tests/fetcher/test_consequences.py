"""What follows from a page and from a failure, decided without a bus, a store or a call."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from mti.common.checkpoints import Versioned
from mti.common.clock_check import ClockSkew
from mti.common.contracts.envelope import PARKS, RETRIES
from mti.common.errors import Pause, Retry
from mti.common.hosting.settler import RETRY_LIMIT
from mti.common.ports.bus import Received
from mti.common.ports.settlement import Complete, Park, Resend
from mti.common.registry import Source
from mti.fetcher.claims import ClaimedSource
from mti.fetcher.consequences import (
    WAITS,
    Circumstances,
    Consequence,
    NextJob,
    PublishedPage,
    after_failure,
    after_page,
)
from mti.fetcher.mimecast import NoAnswer, PartlyUnreadable, TokenRefused
from mti.fetcher.pacing import LONGEST
from mti.fetcher.records.checkpoint import SourceCheckpoint
from mti.fetcher.records.checkpoint_parts import Claim
from mti.fetcher.silence import NotAsked
from mti.fetcher.timetable import Run
from mti.fetcher.windows import with_open_window
from tests.fetcher.world import CUSTOMER, GRID, NOW, job, registry

pytestmark = pytest.mark.pure

SOURCES = registry("http://127.0.0.1:1").sources
SECOND = timedelta(seconds=1)
CLAIM = Claim(job="job", by="message#0", nonce="nonce", since=NOW, until=NOW + timedelta(minutes=5))
MOMENT = Circumstances(now=NOW + SECOND, rng=random.Random(1), run=Run(), spacing=timedelta())
PAGE = PublishedPage(token="next", empty=False, free_in=None, asked_at=NOW, time=None)
NOTHING = timedelta()


def claimed(name: str = CUSTOMER, message: Received | None = None, *, page: int = 0) -> ClaimedSource:
    """Return a source in a job's hands, with a window open of which so many pages are published."""
    source: Source = SOURCES[name]
    checkpoint = with_open_window(SourceCheckpoint(), source, NOW).claimed(CLAIM)
    for number in range(page):
        checkpoint = checkpoint.advanced(token=f"token-{number}", tokens=checkpoint.tokens)
    return ClaimedSource(source, source.accounts[0], Versioned(name, checkpoint), message or job(name))


def copied(count: str, times: int) -> Received:
    message = job()
    return replace(message, properties={**message.properties, count: times})


def with_pause(source: ClaimedSource) -> ClaimedSource:
    after = after_failure(source, Pause("PermissionMissing", "403"), MOMENT).checkpoint
    return replace(source, versioned=source.versioned.with_value(after.claimed(CLAIM)))


class TestPage:
    def test_that_is_not_the_last_has_a_job_for_the_next_one(self) -> None:
        after = after_page(claimed(), PAGE, NOTHING, MOMENT)
        assert (after.next_job, after.outcome, after.notice) == (NextJob(), Complete(), None)
        assert (after.checkpoint.page, after.checkpoint.token, after.checkpoint.claim) == (1, "next", None)
        assert after.checkpoint.queued_at == MOMENT.now

    @pytest.mark.parametrize("last", [replace(PAGE, token=None), replace(PAGE, empty=True)])
    def test_that_is_the_last_closes_the_window(self, last: PublishedPage) -> None:
        assert last.last
        after = after_page(claimed(), last, LONGEST, MOMENT)
        assert (after.next_job, after.checkpoint.window, after.checkpoint.queued_at) == (None, None, None)
        assert after.checkpoint.covered_until == NOW

    def test_that_was_asked_for_a_moment_ago_has_its_distance_from_the_next(self) -> None:
        after = after_page(claimed(), PAGE, NOTHING, replace(MOMENT, spacing=30 * SECOND))
        due = NOW + 30 * SECOND
        assert (after.next_job, after.checkpoint.resume_at, after.checkpoint.queued_at) == (NextJob(due), due, due)

    def test_waits_for_the_rate_limit_and_for_the_line_whichever_is_longer(self) -> None:
        limited = replace(PAGE, free_in=20 * SECOND)
        dues = [after_page(claimed(), limited, seconds * SECOND, MOMENT).next_job for seconds in (0, 10, 40)]
        assert dues == [NextJob(MOMENT.now + seconds * SECOND) for seconds in (20, 20, 40)]

    def test_whose_token_repeats_pauses_the_source_at_the_first_page_of_its_window(self) -> None:
        source = claimed(page=1)
        after = after_page(source, replace(PAGE, token=source.checkpoint.token), NOTHING, MOMENT)
        assert after.checkpoint.pause is not None
        assert after.checkpoint.pause.reason == "TokenLoop"
        assert (after.checkpoint.token, after.checkpoint.window) == (None, source.checkpoint.window)
        assert after.next_job is None

    def test_ends_a_pause_and_says_so(self) -> None:
        after = after_page(with_pause(claimed()), PAGE, NOTHING, MOMENT)
        assert after.checkpoint.pause is None
        assert after.checkpoint.lifted is not None
        assert after.notice is not None
        assert after.notice.text == "a source is fetched again after a pause"


def reason(after: Consequence) -> str | None:
    return after.checkpoint.pause.reason if after.checkpoint.pause is not None else None


class TestFailure:
    def test_that_passes_is_tried_again_by_a_copy_of_the_job(self) -> None:
        after = after_failure(claimed(), Retry("MimecastRateLimited", "429", 7 * SECOND), MOMENT)
        assert after.outcome == Resend(7 * SECOND, "MimecastRateLimited", "429")
        assert (after.checkpoint.resume_at, after.checkpoint.failures) == (MOMENT.now + 7 * SECOND, 1)
        assert (reason(after), after.next_job) == (None, None)

    def test_that_passes_pauses_in_the_end(self) -> None:
        after = after_failure(claimed(message=copied(RETRIES, RETRY_LIMIT)), Retry("UnreadablePage", "…"), MOMENT)
        assert (reason(after), after.outcome) == ("UnreadablePage", Complete())

    def test_of_a_silent_probe_is_not_tried_again(self) -> None:
        after = after_failure(with_pause(claimed()), NoAnswer("MimecastUnavailable", "…"), MOMENT)
        assert (reason(after), after.outcome) == ("MimecastUnavailable", Complete())

    def test_of_the_same_part_of_a_page_is_counted(self) -> None:
        source = claimed()
        for times in (1, 2):
            after = after_failure(source, PartlyUnreadable("…", "digest"), MOMENT)
            assert after.checkpoint.damage is not None
            assert (after.checkpoint.damage.digest, after.checkpoint.damage.times) == ("digest", times)
            source = replace(source, versioned=source.versioned.with_value(after.checkpoint))

    def test_of_a_call_that_was_not_made_parks_the_job_and_pauses_in_the_end_without_blame(self) -> None:
        silent = NotAsked("nobody there", 20 * SECOND)
        first = after_failure(claimed(), silent, MOMENT)
        assert (first.outcome, reason(first)) == (Park(20 * SECOND, "MimecastSilent: nobody there"), None)
        last = after_failure(claimed(message=copied(PARKS, WAITS)), silent, MOMENT)
        assert (last.outcome, reason(last)) == (Complete(), "MimecastSilent")
        assert (first.checkpoint.failures, last.checkpoint.failures) == (0, 0)

    def test_of_a_token_begins_the_window_anew_once(self) -> None:
        source = claimed(page=2)
        first = after_failure(source, TokenRefused("…"), MOMENT)
        assert (first.checkpoint.page, first.checkpoint.restarted, first.next_job) == (0, True, NextJob())
        again = replace(source, versioned=source.versioned.with_value(first.checkpoint))
        assert reason(after_failure(again, TokenRefused("…"), MOMENT)) == "TokenRefused"

    def test_of_an_account_hands_a_shared_source_on_until_all_failed(self) -> None:
        source = claimed(GRID)
        first = after_failure(source, Pause("PermissionMissing", "403"), replace(MOMENT, spacing=SECOND))
        assert (first.checkpoint.account, reason(first)) == ("northwind", None)
        assert first.next_job == NextJob(MOMENT.now + SECOND)
        again = replace(
            source, account=source.source.accounts[1], versioned=source.versioned.with_value(first.checkpoint)
        )
        last = after_failure(again, Pause("PermissionMissing", "403"), MOMENT)
        assert (last.checkpoint.account, reason(last), last.next_job) == ("contoso", "PermissionMissing", None)
        assert last.checkpoint.pause is not None
        assert "all 2 accounts" in last.checkpoint.pause.description

    @pytest.mark.parametrize(("page", "is_open"), [(0, False), (1, True)])
    def test_of_this_machines_clock_closes_no_account_and_trusts_no_window_of_its_own(
        self, page: int, is_open: bool
    ) -> None:
        after = after_failure(claimed(GRID, page=page), ClockSkew("…"), MOMENT)
        assert (reason(after), after.checkpoint.account) == ("ClockSkew", "contoso")
        assert (after.checkpoint.window is not None) is is_open

    def test_that_nobody_foresaw_pauses_the_source_as_a_bug(self) -> None:
        after = after_failure(claimed(), ZeroDivisionError(), MOMENT)
        assert reason(after) == "Bug"
        assert after.checkpoint.pause is not None
        assert "ZeroDivisionError" in after.checkpoint.pause.description
