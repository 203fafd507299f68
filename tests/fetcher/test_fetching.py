from datetime import timedelta
from pathlib import Path

import pytest

from mti.common.registry import FeedFormat
from mti.simulators import FeedSpec
from tests.fetcher.world import CUSTOMER, GRID, NOW, OLD_CUSTOMER, world


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("source", [CUSTOMER, OLD_CUSTOMER, GRID])
async def test_a_window_is_fetched_page_by_page_until_no_token_comes(
    tmp_path: Path, source: str, compress: bool
) -> None:
    async with world(tmp_path, compress=compress, zip_members=3) as there:
        checkpoint = await there.fetch(source)
        assert len(there.topic.indicator_ids()) == len(set(there.topic.indicator_ids())) == there.truth() == 45
        assert await there.ledger(source) == 45
        assert there.calls(source) == [1, 2, 3]
        assert checkpoint.covered_until == NOW
        assert checkpoint.next_due == NOW + timedelta(minutes=5)
        assert (checkpoint.window, checkpoint.token, checkpoint.claim, checkpoint.queued_at) == (None,) * 4
        assert checkpoint.last_success == NOW


async def test_csv_is_published_with_its_header(tmp_path: Path) -> None:
    async with world(tmp_path, account_fields={"format": FeedFormat.CSV}) as there:
        await there.fetch()
        chunks = there.topic.chunks()
        assert {chunk.format for chunk in chunks} == {FeedFormat.CSV}
        assert all("SHA256" in chunk.header for chunk in chunks)
        assert all(len(row) == len(chunk.header) for chunk in chunks for row in chunk.records)
        assert await there.ledger() == 45


async def test_a_record_holds_a_detection_with_its_malware_and_relationship(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.fetch()
        kinds = {tuple(found["type"] for found in record) for record in there.topic.records()}
        assert kinds == {("malware", "indicator", "relationship")}


async def test_the_next_window_reaches_back_into_the_last(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.fetch()
        there.clock.turn(minutes=6)
        await there.fetch()
        assert there.mimecast.journal.calls[-1].start == "2026-11-24T11:45:00+0000"
        assert (await there.checkpoint()).covered_until == NOW + timedelta(minutes=6)


@pytest.mark.parametrize("empty", ["envelope", "file"])
@pytest.mark.parametrize("form", [FeedFormat.STIX, FeedFormat.CSV])
async def test_an_empty_feed_closes_its_window(tmp_path: Path, empty: str, form: FeedFormat) -> None:
    spec = FeedSpec(detections=0, test_files=0)
    async with world(tmp_path, spec=spec, empty=empty, account_fields={"format": form}) as there:
        checkpoint = await there.fetch()
        assert checkpoint.covered_until == NOW
        assert there.topic.sends == 0


async def test_a_job_that_is_not_due_asks_mimecast_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.fetch()
        asked = len(there.calls())
        await there.fetch()
        assert len(there.calls()) == asked


async def test_a_job_for_a_source_that_is_gone_is_dead_lettered_with_the_cure(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.fetch("gone/malware_customer")
        [(_, reason, description)] = there.queue.dead
        assert reason == "UnknownSource"
        assert "gone/malware_customer" in description


async def test_the_next_job_waits_until_the_rate_limit_is_free(tmp_path: Path) -> None:
    async with world(tmp_path, limit={"calls": 1, "seconds": 40, "headers": "always"}) as there:
        await there.fetch()
        assert there.clock.now() > NOW + timedelta(seconds=70)
        assert "get-feed 429" not in there.mimecast.journal.statuses
        assert await there.ledger() == 45


async def test_a_reset_fetches_anew_under_message_ids_of_its_own(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.fetch()
        before = len(there.topic.messages)
        versioned = await there.checkpoints.load(CUSTOMER, await there.checkpoint())
        reset = type(versioned.value)(revision=versioned.value.revision + 1, epoch=1)
        await there.checkpoints.save(versioned.with_value(reset))
        await there.fetch()
        assert len(there.topic.messages) == 2 * before
        assert await there.ledger() == 45
