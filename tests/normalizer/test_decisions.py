"""New, refreshed or suppressed."""

import dataclasses
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from mti.common.registry import IndicatorPolicy
from mti.normalizer.decisions import Decision, decide, identified, merged
from mti.normalizer.facts import Facts
from mti.normalizer.grouping import Group
from mti.normalizer.observables import Observable, indicator_id
from mti.normalizer.records import KnownIndicator, Standing, Verdict
from tests.normalizer.world import DEFAULT, NOW, STRICT, at, md5

pytestmark = pytest.mark.pure

OBSERVABLE = Observable("file:hashes.MD5", md5("a file"))
ID = indicator_id(OBSERVABLE)


def group(time: datetime, facts: Facts | None = None, count: int = 1) -> Group:
    return Group(OBSERVABLE, time, time, count, facts or Facts(), 0, 0)


def verdict(
    found: Group, known: KnownIndicator | None = None, policy: IndicatorPolicy = DEFAULT, chunk: str = "second"
) -> Decision:
    [decision] = decide({ID: found}, {} if known is None else {ID: known}, policy, chunk)
    return decision


def first(facts: Facts | None = None, policy: IndicatorPolicy = DEFAULT) -> KnownIndicator:
    entry = verdict(group(NOW, facts), policy=policy, chunk="first").emits
    assert entry is not None
    return replace(entry, etag="1")


def test_what_nobody_knows_is_new() -> None:
    decision = verdict(group(NOW))
    assert decision.verdict is Verdict.NEW
    assert decision.emits is not None
    assert (decision.emits.created, decision.emits.version) == (NOW, NOW)
    assert decision.emits.valid_until == at(days=30)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(days=-5), Verdict.SUPPRESSED),
        (timedelta(0), Verdict.SUPPRESSED),
        (timedelta(days=14, hours=23), Verdict.SUPPRESSED),
        (timedelta(days=15), Verdict.REFRESHED),
        (timedelta(days=29), Verdict.REFRESHED),
        (timedelta(days=31), Verdict.REFRESHED),
    ],
)
def test_a_sighting_refreshes_once_it_extends_the_validity_by_half_of_it(after: timedelta, expected: Verdict) -> None:
    assert verdict(group(NOW + after), first()).verdict is expected


def test_an_expired_indicator_is_refreshed_by_the_next_sighting() -> None:
    expired = replace(first(), valid_until=at(days=2))
    patient = dataclasses.replace(DEFAULT, validity=timedelta(days=4), refresh_after=1.0)
    assert verdict(group(at(days=2, seconds=1)), expired, patient).verdict is Verdict.REFRESHED
    assert verdict(group(at(days=1, hours=23)), expired, patient).verdict is Verdict.SUPPRESSED


def test_a_longer_validity_does_not_send_an_older_version() -> None:
    longer = dataclasses.replace(DEFAULT, validity=timedelta(days=90))
    assert verdict(group(NOW), first(), longer).verdict is Verdict.SUPPRESSED
    assert verdict(group(at(milliseconds=1)), first(), longer).verdict is Verdict.REFRESHED


def test_a_refresh_keeps_when_it_was_created_and_what_was_known_of_it() -> None:
    known = first(Facts(name="old.pdf", size=7))
    entry = verdict(group(at(days=20), Facts(name="new.pdf"), count=3), known).emits
    assert entry is not None
    assert (entry.created, entry.version, entry.valid_until) == (NOW, at(days=20), at(days=50))
    assert entry.facts == Facts(name="new.pdf", size=7)
    assert (entry.sightings, entry.refreshes, entry.first_by, entry.by) == (4, 1, "first", "second")
    assert entry.etag == "1"


def test_a_name_that_is_to_be_left_out_is_not_even_remembered() -> None:
    assert first(Facts(name="Jane Doe.pdf"), STRICT).facts == Facts(extension="pdf")


def test_a_name_that_was_remembered_before_is_left_out_of_the_next_refresh() -> None:
    entry = verdict(group(at(days=40)), first(Facts(name="Jane Doe.pdf")), STRICT).emits
    assert entry is not None
    assert entry.facts == Facts(extension="pdf")


def test_a_second_try_of_a_chunk_counts_as_the_first_and_emits_nothing() -> None:
    known = first()
    assert verdict(group(NOW), known, chunk="first") == Decision(group(NOW), ID, Verdict.NEW)
    refreshed = verdict(group(at(days=20)), known).emits
    assert verdict(group(at(days=20)), refreshed) == Decision(group(at(days=20)), ID, Verdict.REFRESHED)
    later = verdict(group(at(days=40)), refreshed, chunk="third").emits
    assert verdict(group(at(days=20)), later).verdict is Verdict.REFRESHED
    assert verdict(group(NOW), later, chunk="first").verdict is Verdict.NEW


def test_a_group_has_the_generation_of_its_observable_and_stands_under_the_first_id() -> None:
    lifted_twice = {OBSERVABLE: Standing(withdrawn=False, generation=2)}
    assert identified([group(NOW)], lifted_twice) == {ID: replace(group(NOW), generation=2)}
    assert identified([group(NOW)]) == {ID: group(NOW)}
    assert identified([group(NOW)], {Observable("file:hashes.MD5", md5("another")): Standing(False, 2)}) == {
        ID: group(NOW)
    }


def test_what_was_withdrawn_and_lifted_since_is_new_again_over_what_was_known() -> None:
    lifted = replace(group(at(days=1), Facts(name="Jane Doe.pdf"), count=3), generation=1)
    decision = verdict(lifted, first(), STRICT)
    assert (decision.id, decision.group, decision.verdict) == (ID, lifted, Verdict.NEW)
    assert decision.emits == KnownIndicator(
        id=ID,
        observable=OBSERVABLE,
        created=at(days=1),
        version=at(days=1),
        valid_until=at(days=11),
        sightings=3,
        first_by="second",
        generation=1,
        facts=Facts(extension="pdf"),
        etag="1",
    )
    # The chunk that brought it is handled again, and another: both find it.
    assert verdict(lifted, decision.emits).emits is None
    assert verdict(lifted, decision.emits, chunk="third").verdict is Verdict.SUPPRESSED


def test_every_decision_is_under_its_id() -> None:
    assert [verdict(group(at(days=after)), first()).id for after in (0, 20)] == [ID, ID]


def test_what_is_remembered_never_goes_back_but_for_another_generation() -> None:
    known = replace(first(), version=at(days=9), valid_until=at(days=99))
    emits = replace(first(), version=at(days=5), valid_until=at(days=35))
    decision = Decision(group(at(days=5)), ID, Verdict.REFRESHED, emits)
    entry = merged([(DEFAULT, decision)], known)
    assert (entry.version, entry.valid_until) == (at(days=9), at(days=99))
    anew = replace(decision, emits=replace(emits, generation=1))
    entry = merged([(DEFAULT, anew)], known)
    assert (entry.version, entry.valid_until, entry.emitted) == (at(days=5), at(days=35), {})
