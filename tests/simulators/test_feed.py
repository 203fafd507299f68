import csv
import io
import re
import time
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mti.simulators.feed import (
    CsvForm,
    Feed,
    FeedSpec,
    HashChoice,
    LateBatch,
    Observable,
    generate,
    grid_copies,
    truth_of,
)
from mti.simulators.feed.stix import bundle
from mti.simulators.feed.table import table
from mti.simulators.times import to_ms

pytestmark = pytest.mark.pure

END = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PATTERN = re.compile(r"\[file:hashes\.(?:'SHA-256'|'SHA-1'|MD5|'MD5'|'MD-5') = '([0-9a-fA-F]+)'\]")


def test_the_same_seed_gives_the_same_feed() -> None:
    assert generate(FeedSpec(seed=3, detections=500), END) == generate(FeedSpec(seed=3, detections=500), END)
    assert generate(FeedSpec(seed=3, detections=500), END) != generate(FeedSpec(seed=4, detections=500), END)


@settings(max_examples=50, deadline=None)
@given(
    detections=st.integers(0, 300),
    distinct=st.integers(1, 400),
    tests=st.integers(0, 5),
    seed=st.integers(0, 2**40),
)
def test_a_feed_shows_as_many_files_as_asked(detections: int, distinct: int, tests: int, seed: int) -> None:
    tests = min(tests, detections)
    spec = FeedSpec(seed=seed, detections=detections, distinct=distinct, test_files=tests)
    truth = truth_of(generate(spec, END))
    assert (truth.detections, truth.test_file_detections) == (detections, tests)
    assert len(truth.wanted()) == min(distinct, detections - tests)
    assert sum(seen.count for seen in truth.observables.values()) == detections
    assert all(END - timedelta(hours=spec.hours, seconds=1) <= seen.earliest for seen in truth.observables.values())
    assert all(seen.earliest <= seen.latest <= END for seen in truth.observables.values())


def test_a_bundle_has_three_objects_a_detection_with_the_fields_that_mimecast_sends() -> None:
    detections = generate(FeedSpec(detections=300, title_missing_rate=0.2), END)
    document = orjson.loads(bundle(detections, "0" * 32))
    assert document["spec_version"] == "2.0"
    assert len(document["objects"]) == 900
    common = {"type", "id", "created", "modified"}
    for malware, found, relation in zip(*[iter(document["objects"])] * 3, strict=True):
        assert set(malware) - {"name"} == common | {"labels"}
        assert set(found) == common | {"labels", "pattern", "valid_from"}
        assert set(relation) == common | {"relationship_type", "source_ref", "target_ref"}
        assert (relation["source_ref"], relation["target_ref"]) == (found["id"], malware["id"])
        assert PATTERN.fullmatch(found["pattern"])
    assert len({entry["id"] for entry in document["objects"]}) == 900
    assert any("name" not in entry for entry in document["objects"] if entry["type"] == "malware")


def test_bundle_and_table_show_the_same_observables() -> None:
    columns = ("SHA1", "FileName", "Timestamp", "MD5", "SHA256", "SendingIP", "FileSize")
    form = CsvForm(columns=columns, trailing_newline=True)
    spec = FeedSpec(detections=600, distinct=200, md5_only_rate=0.1, sha1_only_rate=0.1, csv=form)
    detections = generate(spec, END)
    truth = truth_of(detections)
    objects = orjson.loads(bundle(detections, "0" * 32))["objects"]
    shown = "".join(entry["pattern"] for entry in objects if entry["type"] == "indicator")
    values = {value.lower() for value in PATTERN.findall(shown)}
    assert values == {observable.value for observable in truth.observables}

    text = table(detections, form).decode()
    assert text.endswith("\n")
    rows = list(csv.DictReader(io.StringIO(text), delimiter="|"))
    assert len(rows) == 600
    known = [{name: value for name, value in row.items() if value not in ("", "null")} for row in rows]
    strongest = {(row.get("SHA256") or row.get("SHA1") or row["MD5"]).lower() for row in known}
    assert strongest == values
    assert {kind for kind, _ in truth.observables} == {"sha256", "sha1", "md5"}


def test_a_table_has_every_oddity_that_is_documented() -> None:
    detections = generate(FeedSpec(detections=3000), END)
    text = table(detections, CsvForm()).decode()
    rows = list(csv.DictReader(io.StringIO(text), delimiter="|"))
    names = {row["FileName"] for row in rows}
    assert any("|" in name for name in names)
    assert any('"' in name for name in names)
    assert any("," in name for name in names)
    assert any(not name.isascii() for name in names)
    assert {"", "null"} <= {row["SendingIP"] for row in rows}
    assert {"", "null"} <= {row["FileSize"] for row in rows}
    forms = {row["Timestamp"][19:20] for row in rows}
    assert forms == {"+", "."}
    assert any(row["SHA256"].isupper() for row in rows)
    assert not text.endswith("\n")


def test_eicar_is_among_the_detections_and_not_among_the_wanted() -> None:
    truth = truth_of(generate(FeedSpec(detections=50, test_files=4), END))
    eicar = Observable("sha256", "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f")
    assert truth.observables[eicar].count == 4
    assert eicar not in truth.wanted()


def test_a_grid_shows_an_accounts_detections_under_other_ids_and_without_recipients() -> None:
    detections = generate(FeedSpec(detections=80), END)
    copies = list(grid_copies(detections, 9))
    assert truth_of(copies) == truth_of(detections)
    assert not {copy.ids for copy in copies} & {detection.ids for detection in detections}
    assert all(copy.recipient is None for copy in copies)


def test_a_window_shows_what_is_visible_newest_first() -> None:
    spec = FeedSpec(detections=200, late=20, late_after_seconds=60)
    feed = Feed("contoso/malware_customer", spec, generate(spec, END))
    start, end = to_ms(END - timedelta(days=7)), to_ms(END)
    early = feed.window(start, end, end)
    assert len(early) == 180
    assert [found.seen_ms for found in early] == sorted((found.seen_ms for found in early), reverse=True)
    assert len(feed.window(start, end, end + 60_000)) == 200
    edge = early[3].seen_ms
    assert {found.seen_ms for found in feed.window(edge, edge, end)} == {edge}


def test_late_detections_are_published_with_old_timestamps() -> None:
    spec = FeedSpec(detections=50)
    feed = Feed("grid:eu", spec, generate(spec, END))
    before = truth_of(feed.detections).wanted()
    new = feed.publish(LateBatch(feed="grid:eu", count=5, age_seconds=600), END)
    again = feed.publish(LateBatch(feed="grid:eu", count=5, age_seconds=600, repeat=True), END)
    assert not {found.strongest() for found in new} & before
    assert {found.strongest() for found in again} <= before
    assert all(to_ms(END) - 601_000 <= found.seen_ms <= to_ms(END) - 600_000 for found in new)
    assert len(feed.window(0, to_ms(END), to_ms(END) - 1)) == len(feed.window(0, to_ms(END), to_ms(END))) - 10


def test_all_hashes_count_when_asked() -> None:
    truth = truth_of(generate(FeedSpec(detections=10, distinct=3, test_files=0), END), HashChoice.ALL)
    assert sorted(kind for kind, _ in truth.observables) == ["md5"] * 3 + ["sha256"] * 3


def test_a_detection_costs_the_same_in_a_feed_of_eight_times_as_many() -> None:
    def cost(detections: int) -> float:
        began = time.process_time()
        assert len(generate(FeedSpec(detections=detections, distinct=detections // 11), END)) == detections
        return time.process_time() - began

    small = min(cost(5_000) for _ in range(3))
    assert min(cost(40_000) for _ in range(2)) < 3 * 8 * small


@pytest.mark.parametrize(
    "unfit",
    [
        {"detections": 3, "test_files": 4},
        {"sha1_only_rate": 0.1},
        {"csv": {"columns": ["Timestamp"]}},
        {"csv": {"columns": ["Timestamp", "SHA256", "Colour"]}},
    ],
)
def test_an_unfit_spec_is_refused(unfit: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FeedSpec.model_validate(unfit)
