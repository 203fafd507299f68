"""What was emitted is remembered once, and whoever loses a race knows what that makes of its indicator."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from mti.common.errors import StoreUnavailable
from mti.common.ports.store import Document
from mti.common.registry import IndicatorPolicy
from mti.common.retention import KEEP_AFTER
from mti.normalizer.facts import Facts
from mti.normalizer.observables import Observable, indicator_id
from mti.normalizer.records import (
    Emission,
    KnownIndicator,
    KnownIndicators,
    Verdict,
    partition_of,
    rule_of,
    shard_of,
    shards_of,
)
from tests.normalizer.world import CUSTOMER, GRID, NOW, Fuse, FusedContainer, World, at, sha256

pytestmark = pytest.mark.pure


def entry(file: str = "a file", version: datetime = NOW, by: str = "first") -> KnownIndicator:
    observable = Observable("file:hashes.'SHA-256'", sha256(file))
    return KnownIndicator(
        id=indicator_id(observable),
        observable=observable,
        created=version,
        version=version,
        valid_until=version + timedelta(days=30),
        sightings=1,
        first_by=by,
        facts=Facts(name="Invoice.pdf", size=0, labels=("virus",)),
    )


@pytest.mark.parametrize(("scope", "shards"), [(GRID, 32), ("contoso/malware_grid", 32), (CUSTOMER, 4)])
def test_each_shard_holds_a_range_of_the_ids(scope: str, shards: int) -> None:
    assert len(shards_of(scope)) == shards
    ids = sorted(entry(str(number)).id for number in range(2000))
    found = [shard_of(scope, id) for id in ids]
    assert found == sorted(found)
    assert set(found) == set(shards_of(scope))


async def test_what_is_remembered_comes_back_whole_and_in_order(there: World) -> None:
    entries = sorted((entry(str(number)) for number in range(100)), key=lambda found: found.id)
    verdicts = await there.known.remember(GRID, entries)
    assert set(verdicts.values()) == {Verdict.NEW}
    assert await there.everything_known(GRID) == entries
    found = await there.known.look_up(GRID, [one.id for one in entries] + [entry("unknown").id])
    assert sorted(found.values(), key=lambda one: one.id) == entries
    assert await there.known.sources() == [GRID]


async def test_sources_do_not_see_each_other(there: World) -> None:
    await there.known.remember(GRID, [entry()])
    assert await there.known.look_up("grid:us", [entry().id]) == {}
    assert await there.known.look_up(CUSTOMER, [entry().id]) == {}


async def test_a_document_outlives_the_validity_and_is_forgotten_in_the_end(there: World) -> None:
    await there.known.remember(GRID, [entry()])
    document = await there.store.container("known").read(partition_of(GRID, shard_of(GRID, entry().id)), entry().id)
    assert document is not None
    assert document.ttl == (timedelta(days=30) + KEEP_AFTER) / timedelta(seconds=1)


async def test_what_was_emitted_last_is_told_for_each_refresh_rule(there: World) -> None:
    day, month = IndicatorPolicy(validity=timedelta(days=1)), IndicatorPolicy(validity=timedelta(days=30))
    emitted = {rule_of(day): Emission(at(hours=20), at(hours=44)), rule_of(month): Emission(NOW, at(days=30))}
    both = replace(entry(), emitted=emitted)
    await there.known.remember(GRID, [both])
    [found] = await there.everything_known(GRID)
    assert found.emitted == emitted
    assert (found.under(day).version, found.under(day).valid_until) == (at(hours=20), at(hours=44))
    assert (found.under(month).version, found.under(month).valid_until) == (NOW, at(days=30))
    another = IndicatorPolicy(validity=timedelta(days=1), refresh_after=0.25)
    assert found.under(another) == found
    assert (found.due_under(another).version, found.due_under(another).valid_until) == (NOW, at(hours=44))


async def test_what_an_earlier_form_says_of_a_validity_holds_for_each_of_its_rules(there: World) -> None:
    body = entry().body() | {
        "emitted": {"86400.0": "2026-11-25T08:00:00.000Z", "2592000.0": "2026-11-24T12:00:00.000Z"}
    }
    found = KnownIndicator.from_body(entry().id, body, None)
    for refresh_after in (0.25, 0.5):
        day = IndicatorPolicy(validity=timedelta(days=1), refresh_after=refresh_after)
        assert (found.under(day).version, found.under(day).valid_until) == (at(hours=20), at(hours=44))
    assert KnownIndicator.from_body(entry().id, found.body(), None) == found


async def test_a_document_says_in_plain_words_what_is_known(there: World) -> None:
    await there.known.remember(GRID, [entry()])
    document = await there.store.container("known").read(partition_of(GRID, shard_of(GRID, entry().id)), entry().id)
    assert document is not None
    assert document.body == {
        "key": "file:hashes.'SHA-256'",
        "value": sha256("a file"),
        "created": "2026-11-24T12:00:00.000Z",
        "version": "2026-11-24T12:00:00.000Z",
        "valid_until": "2026-12-24T12:00:00.000Z",
        "sightings": 1,
        "by": "first",
        "first_by": "first",
        "refreshed_by": [],
        "refreshes": 0,
        "facts": {"name": "Invoice.pdf", "size": 0, "labels": ["virus"]},
    }


async def test_who_comes_second_with_an_older_or_equal_version_is_suppressed(there: World) -> None:
    await there.known.remember(GRID, [entry()])
    for version in (NOW, at(hours=-1)):
        assert await there.known.remember(GRID, [entry(version=version, by="second")]) == {
            entry().id: Verdict.SUPPRESSED
        }
    assert await there.everything_known(GRID) == [entry()]


async def test_who_comes_second_with_a_newer_version_refreshes(there: World) -> None:
    await there.known.remember(GRID, [entry()])
    verdicts = await there.known.remember(GRID, [entry(version=at(hours=1), by="second")])
    assert verdicts == {entry().id: Verdict.REFRESHED}
    [found] = await there.everything_known(GRID)
    assert (found.created, found.version) == (NOW, at(hours=1))
    assert (found.first_by, found.refreshed_by, found.refreshes) == ("first", ("second",), 1)


async def test_who_comes_second_keeps_what_the_first_had_sent_under_other_rules_unless_that_was_before_a_lift(
    there: World,
) -> None:
    day, month = (rule_of(IndicatorPolicy(validity=timedelta(days=days))) for days in (1, 30))
    firsts = {day: Emission(NOW, at(days=1)), month: Emission(NOW, at(days=30))}
    seconds = {day: Emission(at(hours=1), at(hours=25))}
    for generation, emitted in ((0, firsts | seconds), (1, seconds)):
        file = f"file {generation}"
        await there.known.remember(GRID, [replace(entry(file), emitted=firsts)])
        newer = replace(entry(file, at(hours=1), "second"), emitted=seconds, generation=generation)
        await there.known.remember(GRID, [newer])
        [found] = (await there.known.look_up(GRID, [newer.id])).values()
        assert found.emitted == emitted


async def test_a_second_try_of_the_same_chunk_counts_as_the_first(there: World) -> None:
    await there.known.remember(GRID, [entry()])
    assert await there.known.remember(GRID, [entry()]) == {entry().id: Verdict.NEW}
    await there.known.remember(GRID, [entry(version=at(hours=1), by="second")])
    assert await there.known.remember(GRID, [entry(version=at(hours=1), by="second")]) == {
        entry().id: Verdict.REFRESHED
    }
    [found] = await there.everything_known(GRID)
    assert found.refreshes == 1


async def test_a_refresh_of_what_was_forgotten_meanwhile_is_new(there: World) -> None:
    await there.known.remember(GRID, [entry()])
    [found] = (await there.known.look_up(GRID, [entry().id])).values()
    await there.store.container("known").delete(partition_of(GRID, shard_of(GRID, found.id)), found.id)
    refreshed = replace(found, version=at(days=20), refreshed_by=("second",), refreshes=1)
    assert await there.known.remember(GRID, [refreshed]) == {entry().id: Verdict.NEW}
    [again] = await there.everything_known(GRID)
    assert (again.first_by, again.refreshes) == ("second", 0)


async def test_who_loses_every_race_waits_for_better_times(there: World) -> None:
    class Busy(FusedContainer):
        async def write_many(self, documents: Sequence[Document]) -> list[Document | None]:
            return [None for _ in documents]

    busy = KnownIndicators(Busy(there.store.container("known"), Fuse()), there.clock)
    with pytest.raises(StoreUnavailable, match="grid:eu: 1 indicators are being written by others"):
        await busy.remember(GRID, [entry()])
