"""The objects of a bundle are put together by detection, and none is left over."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mti.common.contracts.chunks import JsonForm, PlainForm
from mti.fetcher.mimecast.plain import bundle_in
from mti.fetcher.mimecast.plain import records_of as plain_records_of
from mti.fetcher.mimecast.stix import records_of

pytestmark = pytest.mark.pure


def triple(indicator: str, malware: str, when: str = "t1") -> list[dict[str, Any]]:
    return [
        {"type": "malware", "id": f"malware--{malware}", "created": when},
        {"type": "indicator", "id": f"indicator--{indicator}", "created": when},
        {
            "type": "relationship",
            "id": f"relationship--{indicator}",
            "created": when,
            "source_ref": f"indicator--{indicator}",
            "target_ref": f"malware--{malware}",
        },
    ]


def test_a_detection_keeps_its_three_objects_in_the_order_of_the_feed() -> None:
    one, two = triple("1", "a"), triple("2", "b")
    assert records_of([*one, *two]) == [one, two]
    assert records_of([one[0], two[0], one[2], two[1], one[1], two[2]]) == [
        [two[0], two[1], two[2]],
        [one[0], one[2], one[1]],
    ]


def test_a_detection_that_comes_twice_under_the_same_ids_is_two_detections() -> None:
    once, again = triple("1", "a", "t1"), triple("1", "a", "t2")
    assert records_of([*once, *triple("2", "b"), *again]) == [once, triple("2", "b"), again]


def test_what_belongs_to_no_indicator_is_a_record_of_its_own() -> None:
    orphan = {"type": "malware", "id": "malware--z"}
    dangling = {"type": "relationship", "source_ref": "indicator--gone", "target_ref": "malware--z"}
    objects: list[Any] = [orphan, dangling, *triple("1", "a"), "rubbish"]
    assert records_of(objects) == [
        [orphan],
        [dangling],
        triple("1", "a"),
        ["rubbish"],
    ]


def test_a_malware_that_two_indicators_share_is_with_both() -> None:
    shared, first, second = triple("1", "a"), triple("1", "a")[1:], triple("2", "a")[1:]
    assert records_of([shared[0], *first, *second]) == [[shared[0], *first], [shared[0], *second]]


def test_a_huge_malware_that_everybody_refers_to_is_not_repeated_with_each_of_them() -> None:
    objects = [part for number in range(500) for part in triple(str(number), "a")[1:]]
    huge: dict[str, Any] = {"type": "malware", "id": "malware--a", "name": "x" * 100_000}
    records = records_of([huge, *objects])
    assert len(records) == 501
    assert [huge] in records
    assert sum(len(orjson.dumps(record)) for record in records) < 2 * len(orjson.dumps([huge, *objects]))


def test_a_huge_malware_of_one_indicator_stays_with_it() -> None:
    one = triple("1", "a")
    one[0]["name"] = "x" * 100_000
    assert records_of(one) == [one]


@pytest.mark.parametrize("kind", ["malware", "indicator"])
def test_an_object_with_an_empty_id_swallows_nothing_of_its_page(kind: str) -> None:
    nameless: dict[str, Any] = {"type": kind, "id": ""}
    one, two = triple("1", "a"), triple("2", "b")
    assert records_of([*one, nameless, *two]) == [one, [nameless], two]


TEXTS = st.sampled_from(["", "a", "1", "malware", "indicator", "relationship", "ü\n\u2028"])
REFERENCES = st.builds("{}--{}".format, st.sampled_from(["malware", "indicator"]), st.integers(0, 3)) | TEXTS
OBJECTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["malware", "indicator", "relationship", "other"]),
            "id": REFERENCES,
            "source_ref": REFERENCES,
            "target_ref": REFERENCES,
            "labels": st.lists(TEXTS, max_size=2),
            "pattern": TEXTS,
            "name": TEXTS | st.just("x" * 5000),
            "x_other": st.none() | st.integers(0, 9) | st.text(),
        },
    ),
    max_size=9,
)


@settings(deadline=None, max_examples=400)
@given(st.lists(st.builds(triple, st.sampled_from("123"), st.sampled_from("ab")), max_size=3), OBJECTS)
def test_the_plain_form_is_grouped_and_written_as_the_same_json_would_be(
    triples: list[list[dict[str, Any]]], others: list[dict[str, Any]]
) -> None:
    objects = [*(part for one in triples for part in one), *others]
    page = orjson.dumps({"type": "bundle", "id": "bundle--1", "spec_version": "2.0", "objects": objects})
    plain = bundle_in(page)
    assert (plain is None) == any("x_other" in each for each in objects)
    if plain is not None:
        records = plain_records_of(plain)
        assert records.as_json() == records_of(orjson.loads(page)["objects"])
        assert PlainForm().written(records) == JsonForm().written(records.as_json())
