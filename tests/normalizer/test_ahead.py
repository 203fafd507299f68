"""Detections that are dated later than the page that they came on."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import PageChunk, page_message
from mti.common.ports.bus import Received
from mti.common.ports.settlement import Complete
from mti.normalizer.parsing import AHEAD, parse
from tests.normalizer.world import CONTOSO, CUSTOMER, NOW, World, at, chunk, received, row, stix

pytestmark = pytest.mark.pure


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[World]:
    store = packed(SqliteStore(tmp_path / "normalizer.db"))
    yield World(store)
    await store.close()


def dated(*records: list[Any], answered_at: datetime | None = NOW, csv: bool = False) -> PageChunk:
    return chunk(*records, csv=csv).model_copy(update={"answered_at": answered_at})


def sent(*records: list[Any], answered_at: datetime | None = NOW) -> Received:
    return received(page_message(dated(*records, answered_at=answered_at)))


@pytest.mark.parametrize("csv", [True, False])
@pytest.mark.parametrize(
    ("time", "taken"),
    [
        (at(days=-3), at(days=-3)),
        (NOW, NOW),
        (NOW + AHEAD, NOW + AHEAD),
        (NOW + AHEAD + timedelta(seconds=1), NOW),
        (at(hours=14), NOW),
        (at(days=365), NOW),
        (datetime.fromisoformat("2999-12-31T23:59:59+00:00"), NOW),
    ],
)
def test_one_beyond_the_margin_is_taken_as_of_the_time_of_its_page(time: datetime, taken: datetime, csv: bool) -> None:
    record = row("a", time) if csv else stix("a", time)
    found = parse(dated(record, csv=csv))
    [sighting] = found.sightings
    assert sighting.time == taken
    assert found.ahead == (time != taken)
    assert found.rejections == []


def test_without_mimecast_s_own_time_nothing_is_changed() -> None:
    found = parse(dated(stix("a", at(days=900)), answered_at=None))
    assert (found.sightings[0].time, found.ahead) == (at(days=900), 0)


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59-23:59"])
def test_a_page_of_the_calendar_s_last_day_changes_nothing_and_ends_nothing(end: str) -> None:
    found = parse(dated(stix("a", at(days=900)), answered_at=datetime.fromisoformat(end)))
    assert (found.sightings[0].time, found.ahead, found.rejections) == (at(days=900), 0, [])


def test_all_else_that_it_says_stays() -> None:
    [true] = parse(dated(stix("a", at(days=900)), answered_at=None)).sightings
    [taken] = parse(dated(stix("a", at(days=900)))).sightings
    assert (taken.observables, taken.name, taken.labels, taken.mimecast_id) == (
        true.observables,
        true.name,
        true.labels,
        true.mimecast_id,
    )


async def test_a_true_sighting_after_it_refreshes_the_indicator(there: World) -> None:
    for message in (sent(stix("a", at(days=3000))), sent(stix("a", at(days=16)), answered_at=at(days=16))):
        assert await there.normalizer()([message]) == [Complete()]
    versions = [found["modified"] for found in there.indicators.objects(CONTOSO)]
    assert versions == ["2026-11-24T12:00:00.000Z", "2026-12-10T12:00:00.000Z"]
    totals = await there.ledger.totals(CUSTOMER)
    assert (totals.new, totals.refreshed, totals.ahead, totals.closed) == (1, 1, 1, True)


async def test_the_same_message_gives_the_same_bytes_on_every_try(there: World, tmp_path: Path) -> None:
    message = sent(stix("a", at(days=3000)), stix("b", NOW))
    await there.normalizer()([message])
    first = [outgoing.body for outgoing in there.indicators.sent]
    other = World(packed(SqliteStore(tmp_path / "other.db")))
    await other.normalizer()([message])
    assert [outgoing.body for outgoing in other.indicators.sent] == first
    await other.store.close()


async def test_the_same_detections_fetched_again_at_another_time_change_nothing(there: World) -> None:
    records = (stix("a", at(days=3000)), stix("b", NOW))
    await there.normalizer()([sent(*records)])
    before = len(there.indicators.sent), await there.ledger.totals(CUSTOMER)
    await there.normalizer()([sent(*records, answered_at=at(days=1))])
    assert (len(there.indicators.sent), await there.ledger.totals(CUSTOMER)) == before


async def test_a_copy_of_another_time_that_overtakes_it_counts_it_once(there: World) -> None:
    """A page is fetched anew before its first message was handled, and duplicate detection has forgotten it."""
    records = (stix("a", at(days=3000)),)
    await there.normalizer()([sent(*records, answered_at=at(days=1))])
    await there.normalizer()([sent(*records)])
    assert {found["modified"] for found in there.indicators.objects()} == {"2026-11-25T12:00:00.000Z"}
    totals = await there.ledger.totals(CUSTOMER)
    assert (totals.chunks, totals.detections, totals.new) == (1, 1, 1)
