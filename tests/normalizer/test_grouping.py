"""Sightings of one observable are one group, whatever their order."""

import random
import time
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.contracts import PageChunk
from mti.common.registry import Feed, FeedFormat
from mti.normalizer.facts import Facts
from mti.normalizer.grouping import Group, group
from mti.normalizer.observables import Observable
from mti.normalizer.parsing import Sighting, parse
from tests.normalizer.world import NOW, chunk, md5, row, sha256, stix
from tests.support.speed import here

pytestmark = pytest.mark.pure


def sighting(*files: str, minute: int = 0, **facts: object) -> Sighting:
    observables = tuple(Observable("file:hashes.MD5", md5(file)) for file in files)
    return Sighting(observables=observables, time=NOW + timedelta(minutes=minute), **facts)  # type: ignore[arg-type]


def test_seven_sightings_are_one_group_with_the_first_and_the_last_time() -> None:
    records = [stix(time=NOW + timedelta(minutes=minute)) for minute in (3, 1, 6, 2, 5, 4, 0)]
    [found] = group(parse(chunk(*records)).sightings)
    assert found.count == 7
    assert (found.first_seen, found.last_seen) == (NOW, NOW + timedelta(minutes=6))
    assert (found.first, found.last) == (6, 2)


def test_a_row_with_two_hashes_is_in_two_groups() -> None:
    found = group(parse(chunk(row(), csv=True)).sightings)
    assert [one.observable.value for one in found] == [sha256("a file"), md5("a file")]


def test_each_fact_is_of_the_newest_sighting_that_has_it() -> None:
    [found] = group(
        [
            sighting("a", minute=1, name="old.pdf", size=1, labels=("virus",)),
            sighting("a", minute=2, name="new.pdf", sender_ip="192.0.2.1"),
            sighting("a", minute=3, mime_type="application/pdf"),
        ]
    )
    assert found.facts == Facts(
        name="new.pdf", size=1, sender_ip="192.0.2.1", mime_type="application/pdf", labels=("virus",)
    )


SIGHTINGS = st.builds(
    Sighting,
    observables=st.lists(
        st.sampled_from([Observable("file:hashes.MD5", md5(file)) for file in "abc"]), min_size=1, unique=True
    ).map(tuple),
    time=st.integers(0, 3).map(lambda minute: NOW + timedelta(minutes=minute)),
    name=st.sampled_from([None, "a.pdf", "b.pdf"]),
    size=st.sampled_from([None, 0, 1]),
    labels=st.sampled_from([(), ("virus",)]),
)


def without_positions(groups: Sequence[Group], sightings: Sequence[Sighting]) -> list[object]:
    return [
        (one.observable, one.first_seen, one.last_seen, one.count, one.facts, sightings[one.first], sightings[one.last])
        for one in groups
    ]


@given(st.lists(SIGHTINGS, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_the_records_does_not_matter(sightings: list[Sighting], rng: random.Random) -> None:
    shuffled = list(sightings)
    rng.shuffle(shuffled)
    assert without_positions(group(sightings), sightings) == without_positions(group(shuffled), shuffled)


@given(st.lists(SIGHTINGS, max_size=8))
def test_every_sighting_of_an_observable_is_counted_once(sightings: list[Sighting]) -> None:
    assert sum(one.count for one in group(sightings)) == sum(len(one.observables) for one in sightings)


def test_five_thousand_detections_are_read_and_grouped_in_a_fraction_of_a_second() -> None:
    records = [stix(f"file {number % 700}", NOW + timedelta(seconds=number)) for number in range(5000)]
    page = PageChunk(source="grid:eu", feed=Feed.MALWARE_GRID, region="eu", format=FeedFormat.STIX, records=records)

    def seconds() -> float:
        before = time.process_time()
        assert len(group(parse(page).sightings)) == 700
        return time.process_time() - before

    # On one core of a small machine it takes 0.06 s; the bound is wide because others work on the machine as well.
    assert min(seconds() for _ in range(3)) < here(0.5)
