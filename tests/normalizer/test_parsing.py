"""Records of both forms, whole and broken, to sightings or to named rejections."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.contracts import Oversize, PageChunk
from mti.common.registry import Feed, FeedFormat
from mti.normalizer.observables import Observable
from mti.normalizer.parsing import Sighting, parse
from mti.normalizer.parsing.fields import read_time
from tests.normalizer.world import HEADER, NOW, chunk, md5, row, sha256, stix

pytestmark = pytest.mark.pure

BOTH = (
    Observable("file:hashes.'SHA-256'", sha256("a file")),
    Observable("file:hashes.MD5", md5("a file")),
)


def seen(found: PageChunk) -> Sighting:
    parsed = parse(found)
    assert parsed.rejections == []
    [sighting] = parsed.sightings
    return sighting


def reason_of(found: PageChunk) -> str:
    parsed = parse(found)
    assert parsed.sightings == []
    [rejection] = parsed.rejections
    assert rejection.fault
    return rejection.reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T10:15:30+0000", datetime(2026, 11, 24, 10, 15, 30, tzinfo=UTC)),
        ("2026-11-24T10:15:30.099Z", datetime(2026, 11, 24, 10, 15, 30, 99000, tzinfo=UTC)),
        ("2026-11-24T10:15:30.123456789Z", datetime(2026, 11, 24, 10, 15, 30, 123000, tzinfo=UTC)),
        ("2026-11-24T10:15:30+02:00", datetime(2026, 11, 24, 8, 15, 30, tzinfo=UTC)),
        ("2026-11-24T10:15:30", None),
        ("2026-11-24", None),
        ("2026-13-24T10:15:30Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday, about noon", None),
        ("", None),
        (17, None),
    ],
)
def test_a_time_is_read_in_all_its_forms_and_none_is_guessed(text: object, expected: datetime | None) -> None:
    assert read_time(text) == expected


def test_a_stix_detection_gives_its_hash_its_time_its_name_and_its_id() -> None:
    record = stix(name="Business Proposal_Final.pdf", time=NOW + timedelta(milliseconds=99))
    sighting = seen(chunk(record))
    assert sighting.observables == BOTH[:1]
    assert sighting.time == NOW + timedelta(milliseconds=99)
    assert sighting.name == "Business Proposal_Final.pdf"
    assert sighting.labels == ("virus",)
    assert sighting.mimecast_id == record[1]["id"]


def test_an_indicator_without_its_malware_is_a_detection_all_the_same() -> None:
    assert seen(chunk(stix()[1:2])).name is None


def test_a_name_is_made_one_printable_line() -> None:
    assert seen(chunk(stix(name="Re:\r\n\tyour \x00 invoice\u202e.pdf"))).name == "Re: your invoice .pdf"
    assert len(seen(chunk(stix(name="x" * 5000))).name or "") == 200


def broken(**changes: Any) -> list[Any]:
    malware, indicator, relation = stix()
    return [malware, {key: value for key, value in {**indicator, **changes}.items() if value is not None}, relation]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (broken(pattern=None), "NoPattern"),
        (broken(pattern=" "), "NoPattern"),
        (broken(pattern=7), "NoPattern"),
        (broken(pattern="[file:name = 'a']"), "UnsupportedPattern"),
        (broken(pattern="[file:hashes.MD5 = 'beef']"), "BadHash"),
        (broken(created="yesterday", modified="yesterday", valid_from=None), "BadTimestamp"),
        (stix()[2:], "NoIndicator"),
        (stix()[:1], "NoIndicator"),
        ([], "NoIndicator"),
        (["indicator", 7, None], "NoIndicator"),
    ],
)
def test_a_broken_stix_record_is_rejected_by_name(record: list[Any], reason: str) -> None:
    assert reason_of(chunk(record)) == reason


def test_a_time_that_can_be_read_stands_in_for_one_that_can_not() -> None:
    assert seen(chunk(broken(created="yesterday"))).time == NOW


def test_a_row_gives_both_hashes_and_what_describes_the_file() -> None:
    sighting = seen(chunk(row(SHA256=sha256("a file").upper()), csv=True))
    assert sighting.observables == BOTH
    assert sighting.time == NOW
    assert (sighting.name, sighting.size, sighting.mime_type) == ("Invoice.pdf", 1234, "application/pdf")
    assert sighting.sender_ip == "192.0.2.7"


def test_no_recipient_is_kept_of_a_row() -> None:
    assert "victim" not in repr(seen(chunk(row(), csv=True)))


@pytest.mark.parametrize("none", ["null", "", "  ", None])
@pytest.mark.parametrize("column", ["FileName", "FileSize", "FileMimeType", "SendingIP", "MD5", "SenderDomain"])
def test_a_row_that_lacks_a_cell_is_not_lost(column: str, none: str | None) -> None:
    cells: dict[str, Any] = {column: none}
    assert BOTH[0] in seen(chunk(row(**cells), csv=True)).observables


@pytest.mark.parametrize(("column", "text"), [("FileSize", "12 KB"), ("FileSize", "9" * 99), ("SendingIP", "unknown")])
def test_a_cell_that_makes_no_sense_costs_the_cell_and_not_the_row(column: str, text: str) -> None:
    cells: dict[str, Any] = {column: text}
    sighting = seen(chunk(row(**cells), csv=True))
    assert sighting.observables == BOTH
    assert sighting.size is None or sighting.sender_ip is None


def test_columns_are_found_by_name_in_any_order_and_case() -> None:
    names = [name.upper() for name in reversed(HEADER)]
    found = chunk(list(reversed(row())), csv=True).model_copy(update={"header": ["\ufeff" + names[0], *names[1:]]})
    assert seen(found) == seen(chunk(row(), csv=True))


def test_a_row_with_one_good_hash_is_used_by_it() -> None:
    assert seen(chunk(row(MD5="beef"), csv=True)).observables == BOTH[:1]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (row(SHA256="null", MD5=""), "NoObservable"),
        (row(SHA256="beef", MD5="null"), "BadHash"),
        (row(Timestamp="yesterday, about noon"), "BadTimestamp"),
        (row(Timestamp="null"), "BadTimestamp"),
        (["2026-11-19T01:28:37.099Z"], "NoObservable"),
        ([sha256("a file")], "BadTimestamp"),
        (["one", "two"], "RaggedRow"),
        ([], "RaggedRow"),
    ],
)
def test_a_broken_row_is_rejected_by_name(record: list[Any], reason: str) -> None:
    assert reason_of(chunk(record, csv=True)) == reason


def test_of_a_ragged_row_only_what_proves_itself_is_taken() -> None:
    cells = row()
    cells[3:4] = ["Payment", "Confirmation.pdf"]
    sighting = seen(chunk(cells, csv=True))
    assert sighting == Sighting(observables=BOTH, time=NOW)


def test_in_a_ragged_row_a_name_that_looks_like_a_hash_is_not_taken_for_one() -> None:
    cells = [*row(FileName=md5("a name")), "one too many"]
    assert seen(chunk(cells, csv=True)).observables == BOTH[:1]


def test_what_was_too_large_for_a_message_is_a_rejected_detection() -> None:
    rest = Oversize(size=300_000, sha256=sha256("it"), excerpt="[")
    found = PageChunk(
        source="grid:eu", feed=Feed.MALWARE_GRID, region="eu", format=FeedFormat.STIX, records=[], oversize=[rest]
    )
    assert reason_of(found) == "DetectionTooLarge"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["indicator", "malware", "relationship"]),
        "pattern": st.sampled_from([f"[file:hashes.MD5 = '{md5('x')}']", "[", ""]) | JSON,
        "created": st.sampled_from(["2026-11-19T01:28:37.099Z", "yesterday"]) | JSON,
        "name": JSON,
        "labels": JSON,
        "id": JSON,
    },
)


@given(st.lists(st.lists(OBJECTS | JSON, max_size=4), max_size=5), st.booleans())
def test_whatever_comes_every_detection_is_a_sighting_or_a_rejection(records: list[list[Any]], csv: bool) -> None:
    parsed = parse(chunk(*records, csv=csv))
    assert parsed.detections == len(records)
