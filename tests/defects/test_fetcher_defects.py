"""What the connector that this project replaces does wrong on Mimecast's side, and cannot happen here."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mti.common.registry import FeedFormat
from mti.simulators import FeedSpec, LateBatch, MimecastFault, MimecastFaultKind
from mti.simulators.feed import CsvForm
from tests.fetcher.world import CUSTOMER, NOW, OLD_CUSTOMER, world

CSV: dict[str, Any] = {"format": FeedFormat.CSV}


def fault(kind: MimecastFaultKind, **fields: Any) -> MimecastFault:
    return MimecastFault.model_validate({"kind": kind, "feed": CUSTOMER, **fields})


@pytest.mark.parametrize("status", [200, 400, 403, 502])
async def test_defect_01_a_non_json_error_body_is_never_the_end_of_the_feed(tmp_path: Path, status: int) -> None:
    async with world(tmp_path, fault(MimecastFaultKind.HTML, page=1, status=status, times=None)) as there:
        checkpoint = await there.fetch()
        assert checkpoint.covered_until is None
        assert checkpoint.pause is not None
        there.mimecast.faults.clear()
        there.clock.time = checkpoint.pause.until
        await there.fetch()
        assert await there.ledger() == there.truth()


async def test_defect_02_a_token_that_disappears_never_restarts_at_page_one(tmp_path: Path) -> None:
    async with world(tmp_path, fault(MimecastFaultKind.TOKEN_VANISHES, page=2, times=None)) as there:
        checkpoint = await there.fetch()
        assert there.calls() == [1, 2]
        assert checkpoint.covered_until == NOW


async def test_defect_03_a_429_is_waited_out_as_told_and_tried_a_bounded_number_of_times(tmp_path: Path) -> None:
    rule = fault(MimecastFaultKind.RATE_LIMITED, retry_after=90, times=None)
    async with world(tmp_path, rule) as there:
        checkpoint = await there.fetch()
        assert len(there.calls()) == 9
        assert there.clock.now() - NOW >= timedelta(seconds=8 * 90)
        assert checkpoint.pause is not None
        assert checkpoint.pause.reason == "MimecastRateLimited"


async def test_defect_03_a_429_without_headers_is_backed_off_from(tmp_path: Path) -> None:
    async with world(tmp_path, fault(MimecastFaultKind.RATE_LIMITED, times=4)) as there:
        await there.fetch()
        assert await there.ledger() == there.truth()
        assert there.clock.now() > NOW


async def test_defect_04_an_expired_access_key_is_renewed(tmp_path: Path) -> None:
    async with world(tmp_path, new_keys_on_login=True) as there:
        there.mimecast.expire_binding("fabrikam")
        await there.fetch(OLD_CUSTOMER)
        assert await there.ledger(OLD_CUSTOMER) == there.truth(OLD_CUSTOMER)


async def test_defect_08_a_failure_in_the_middle_fetches_no_earlier_page_again(tmp_path: Path) -> None:
    async with world(tmp_path, fault(MimecastFaultKind.DROPPED, page=3, times=3)) as there:
        await there.fetch()
        assert there.calls() == [1, 2, 3, 3, 3, 3]
        assert there.topic.sends == len(there.topic.messages)
        assert await there.ledger() == there.truth()


async def test_defect_09_rows_that_arrive_late_are_fetched(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.fetch()
        there.clock.turn(minutes=6)
        feed = there.mimecast.feeds[CUSTOMER]
        late = feed.publish(LateBatch(feed=CUSTOMER, count=100, age_seconds=900), there.clock.now())
        await there.fetch()
        assert len(late) == 100
        assert len(set(there.topic.indicator_ids())) == there.truth() == 145


@pytest.mark.parametrize("compress", [True, False])
async def test_defect_10_a_csv_that_ends_in_a_newline_is_read_to_its_end(tmp_path: Path, compress: bool) -> None:
    spec = FeedSpec(seed=7, detections=45, distinct=20, csv=CsvForm(trailing_newline=True))
    async with world(tmp_path, spec=spec, account_fields=CSV, compress=compress) as there:
        await there.fetch()
        assert await there.ledger() == there.truth() == 45
        assert there.queue.dead == []


async def test_defect_11_the_feed_passes_through_page_by_page(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        handler = there.handler()
        await there.schedule().run_once()
        published = [0]
        while await there.step(handler):
            published.append(sum(chunk.detections for chunk in there.topic.chunks()))
        most = max(after - before for before, after in pairwise(published))
        assert most == 20, "a page is out before the next one is asked for"
        assert published[-1] == 3 * 45
