"""Pages with odd records, damaged members and dates ahead of time: over a socket, and through both services."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.ports.settlement import Complete, DeadLetter
from mti.common.registry import FeedFormat
from mti.normalizer.records import Totals
from mti.simulators import MimecastFaultKind
from mti.simulators.mimecast import Encoding, Odd, Packing
from tests.fetcher.test_troubles import fault, paused, whole
from tests.fetcher.world import CUSTOMER, NOW, World, world
from tests.normalizer.world import CONTOSO, received
from tests.normalizer.world import World as Normalizer

Kind = MimecastFaultKind
UNREADABLE = (
    Odd.NESTED_200,
    Odd.NESTED_260,
    Odd.NESTED_2000,
    Odd.INFINITE,
    Odd.NOT_A_NUMBER,
    Odd.LONG_INTEGER,
    Odd.UNQUOTED,
)


class Normalized:
    """What the normalizer made of the fetcher's messages."""

    def __init__(self, totals: Totals, indicators: Sequence[dict[str, Any]], letters: Sequence[DeadLetter]) -> None:
        self.totals = totals
        self.indicators = indicators
        self.letters = letters


async def normalized(there: World, folder: Path) -> Normalized:
    """Hand all that was published to a normalizer, and what it sends back to itself as well."""
    store = packed(SqliteStore(folder / "normalizer.db", clock=there.clock), there.clock)
    try:
        normalizer = Normalizer(store)
        for message in there.topic.messages.values():
            [outcome] = await normalizer.normalizer()([received(message)])
            assert outcome == Complete()
        letters = [await normalizer.normalizer()([received(part)]) for part in normalizer.pages.sent]
        totals = await normalizer.ledger.totals(CUSTOMER)
        dead = [outcome for outcomes in letters for outcome in outcomes if isinstance(outcome, DeadLetter)]
        return Normalized(totals, normalizer.indicators.objects(CONTOSO), dead)
    finally:
        await store.close()


def values(there: World) -> set[str]:
    """Return the hashes that the feed holds, without those of test files."""
    return {
        detection.strongest().value
        for detection in there.mimecast.feeds[CUSTOMER].detections
        if not detection.test_file
    }


def told(found: Normalized) -> set[str]:
    return {indicator["pattern"].split("'")[-2] for indicator in found.indicators}


class TestOddRecords:
    @pytest.mark.parametrize("compress", [True, False])
    @pytest.mark.parametrize("odd", UNREADABLE)
    async def test_one_among_good_ones_is_named_and_counted_and_costs_no_other(
        self, tmp_path: Path, odd: Odd, compress: bool
    ) -> None:
        async with world(tmp_path, fault(Kind.ODD, page=2, odd=[odd], times=None), compress=compress) as there:
            await there.fetch()
            await whole_but(there, odd=1)
            found = await normalized(there, tmp_path)
            assert told(found) == values(there)
            assert found.totals.closed
            assert found.totals.detections == there.truth() + 1
            assert found.totals.rejected["UnreadableDetection"] == 1
            [letter] = found.letters
            assert letter.reason == "UnreadableDetection"
            assert CUSTOMER in letter.description

    @pytest.mark.parametrize("odd", [Odd.LONE_SURROGATE, Odd.DOUBLE_KEY])
    async def test_what_can_be_read_after_all_is_a_sighting(self, tmp_path: Path, odd: Odd) -> None:
        async with world(tmp_path, fault(Kind.ODD, page=2, odd=[odd], times=None)) as there:
            await there.fetch()
            found = await normalized(there, tmp_path)
            assert found.letters == []
            assert found.totals.detections == there.truth() + 1
            assert told(found) == values(there)

    async def test_all_kinds_on_every_page_leave_the_good_ones_whole(self, tmp_path: Path) -> None:
        async with world(tmp_path, fault(Kind.ODD, times=None)) as there:
            await there.fetch()
            found = await normalized(there, tmp_path)
            assert told(found) == values(there)
            assert found.totals.closed
            assert found.totals.detections == there.truth() + 3 * len(Odd)
            assert found.totals.rejected["UnreadableDetection"] == 3 * len(UNREADABLE)


async def whole_but(there: World, *, odd: int) -> None:
    await whole(there)
    assert await there.ledger() == there.truth() + odd


class TestArchives:
    @pytest.mark.parametrize("form", list(FeedFormat))
    @pytest.mark.parametrize("packing", list(Packing))
    @pytest.mark.parametrize("encoding", list(Encoding))
    async def test_whatever_a_file_is_packed_in_and_however_it_is_encoded_it_is_read(
        self, tmp_path: Path, form: FeedFormat, packing: Packing, encoding: Encoding
    ) -> None:
        habits: dict[str, Any] = {
            "packing": packing,
            "encoding": encoding,
            "zip_members": 3,
            "account_fields": {"format": form},
        }
        async with world(tmp_path, **habits) as there:
            await there.fetch()
            assert await there.ledger() == there.truth()
            assert told(await normalized(there, tmp_path)) >= values(there)

    async def test_what_systems_leave_in_an_archive_is_passed_over_and_a_note_is_named_in_the_log(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING, "mti"):
            async with world(tmp_path, litter=True) as there:
                await there.fetch()
                await whole(there)
                assert await there.ledger() == there.truth()
        assert {str(vars(record).get("files")) for record in caplog.records} == {"[\"'README.txt'\"]"}

    @pytest.mark.parametrize("form", list(FeedFormat))
    async def test_a_member_that_stays_broken_becomes_a_dead_letter_and_the_rest_goes_on(
        self, tmp_path: Path, form: FeedFormat
    ) -> None:
        rule = fault(Kind.BROKEN_MEMBER, page=2, times=None)
        async with world(tmp_path, rule, zip_members=3, account_fields={"format": form}) as there:
            checkpoint = await there.fetch()
            assert (checkpoint.covered_until, checkpoint.pause, checkpoint.damage) == (NOW, None, None)
            assert there.calls() == [1, 2, 2, 2, 2, 3]
            found = await normalized(there, tmp_path)
            assert told(found) >= values(there)
            assert found.totals.closed
            assert found.totals.rejected["UnreadableMember"] == 1
            [letter] = found.letters
            assert "malware_feed_broken" in letter.description

    async def test_a_member_that_is_broken_once_costs_another_call_and_nothing_else(self, tmp_path: Path) -> None:
        async with world(tmp_path, fault(Kind.BROKEN_MEMBER, page=2, times=2), zip_members=3) as there:
            await there.fetch()
            await whole(there)
            assert await there.ledger() == there.truth()
            assert there.calls() == [1, 2, 2, 2, 3]

    async def test_a_page_of_which_nothing_can_be_read_is_never_passed_over(self, tmp_path: Path) -> None:
        async with world(tmp_path, fault(Kind.TRUNCATED, page=2, times=None)) as there:
            await there.fetch()
            assert (await paused(there)).reason == "UnreadablePage"
            assert (await there.checkpoint()).covered_until is None


class TestDatesAheadOfTime:
    @pytest.mark.parametrize("form", list(FeedFormat))
    async def test_are_taken_as_the_time_of_the_page_and_said(
        self, tmp_path: Path, form: FeedFormat, caplog: pytest.LogCaptureFixture
    ) -> None:
        rule = fault(Kind.ODD, page=1, odd=[Odd.AHEAD], times=None)
        with caplog.at_level(logging.WARNING, "mti"):
            async with world(tmp_path, rule, account_fields={"format": form}) as there:
                await there.fetch()
                found = await normalized(there, tmp_path)
        assert told(found) >= values(there)
        assert found.totals.ahead == 1
        assert found.totals.closed
        assert max(datetime.fromisoformat(indicator["modified"]) for indicator in found.indicators) == NOW
        assert [vars(record)["detections"] for record in caplog.records if "later than the page" in record.message] == [
            1
        ]

    async def test_do_not_hide_the_sightings_that_come_after_them(self, tmp_path: Path) -> None:
        rule = fault(Kind.ODD, page=1, odd=[Odd.AHEAD])
        async with world(tmp_path, rule) as there:
            await there.fetch()
            first = there.mimecast.feeds[CUSTOMER].detections[-1].strongest().value
            poisoned = await normalized(there, tmp_path)
            [before] = [found for found in poisoned.indicators if first in found["pattern"]]
            there.topic.messages.clear()
            there.clock.turn(days=20)
            feed = there.mimecast.feeds[CUSTOMER]
            newest = feed.detections[-1]._replace(
                seen_ms=int(there.clock.now().timestamp() * 1000), visible_ms=0, ids="a" * 96
            )
            feed._detections.append(newest)
            there.clock.turn(minutes=5)
            await there.fetch()
            again = await normalized(there, tmp_path)
            [after] = [found for found in again.indicators if first in found["pattern"]]
            assert datetime.fromisoformat(before["modified"]) == NOW
            assert datetime.fromisoformat(after["modified"]) == NOW + timedelta(days=20)
            assert again.totals.refreshed == 1
