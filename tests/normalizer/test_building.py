"""Indicators are valid STIX 2.1, tell an analyst what there is to tell, and no more than the policy allows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mti.common.contracts import CREATOR_ID, EXTENSION_ID
from mti.common.registry import Feed, IndicatorPolicy, Tlp
from mti.normalizer.admission import admit
from mti.normalizer.decisions import decide, identified
from mti.normalizer.grouping import group
from mti.normalizer.indicators.building import build
from mti.normalizer.parsing import parse
from tests.normalizer.world import DEFAULT, NOW, STRICT, chunk, md5, row, sha256, stix

pytestmark = pytest.mark.xdist_group("stix2validator")


@pytest.fixture(scope="module")
def judged() -> Callable[[dict[str, Any]], Any]:
    """What the validator says of an object. Importing it takes seconds, and the workers of a run collect all tests."""
    from stix2validator import ValidationOptions, validate_instance  # type: ignore[import-untyped]

    return partial(validate_instance, options=ValidationOptions(version="2.1"))


def made(*records: list[Any], csv: bool = False, policy: IndicatorPolicy = DEFAULT) -> list[dict[str, Any]]:
    """Return the indicators of a chunk, as JSON."""
    groups = identified(group(admit(parse(chunk(*records, csv=csv)).sightings, policy).sightings))
    entries = [decision.emits for decision in decide(groups, {}, policy, "a chunk")]
    indicators = [build(entry, policy, Feed.MALWARE_GRID, "eu") for entry in entries if entry is not None]
    return [found.model_dump(mode="json", exclude_none=True) for found in indicators]


PATTERNS = [
    None,
    "[file:hashes.'MD-5' = '44D88612FEA8A8F36DE82E1278ABB02E']",
    "[file:hashes.'SHA-1' = '3395856ce81f2b7382dee72602f798b642f14141']",
    r"[url:value = 'http://a.example/?q=\'b\\c\'']",
    "[domain-name:value = 'a.example']",
    "[ipv4-addr:value = '192.0.2.1']",
    "[ipv6-addr:value = '2001:db8::1']",
    "[email-addr:value = 'a@example.com']",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("policy", [DEFAULT, STRICT], ids=["default", "strict"])
def test_every_kind_of_indicator_is_valid_stix(
    judged: Callable[[dict[str, Any]], Any], pattern: str | None, policy: IndicatorPolicy
) -> None:
    [found] = made(stix(pattern=pattern), policy=policy)
    verdict = judged(found)
    assert verdict.errors == []
    # The one remark is that a UUIDv5 is no UUIDv4; a deterministic id is what is wanted here.
    assert [str(warning) for warning in verdict.warnings if "{103}" not in str(warning)] == []


@given(st.text(max_size=300), st.text(min_size=1, max_size=80))
def test_whatever_a_name_and_a_url_hold_the_indicator_is_valid(
    judged: Callable[[dict[str, Any]], Any], name: str, url: str
) -> None:
    escaped = url.replace("\\", "\\\\").replace("'", "\\'")
    for found in made(stix(name=name, pattern=f"[url:value = '{escaped}']")):
        assert judged(found).errors == []
        assert len(found["name"]) <= 160


def test_an_indicator_has_all_that_an_analyst_wants() -> None:
    [found] = made(stix(name="Business Proposal_Final.pdf"), stix(name=None, time=NOW + timedelta(hours=1)))
    assert found["name"] == "Mimecast: malicious file Business Proposal_Final.pdf"
    assert found["pattern"] == f"[file:hashes.'SHA-256' = '{sha256('a file')}']"
    assert found["created"] == found["valid_from"] == "2026-11-24T12:00:00.000Z"
    assert found["modified"] == "2026-11-24T13:00:00.000Z"
    assert found["valid_until"] == "2026-12-24T13:00:00.000Z"
    assert found["confidence"] == 80
    assert found["labels"] == ["mimecast", "feed:malware_grid", "region:eu", "virus"]
    assert found["external_references"][0]["external_id"] == stix(name=None, time=NOW + timedelta(hours=1))[1]["id"]


def facts(indicator: dict[str, Any]) -> dict[str, Any]:
    """Return what stands in the extension."""
    [(id, found)] = indicator["extensions"].items()
    assert id == EXTENSION_ID
    assert found.pop("extension_type") == "property-extension"
    return dict(found)


def test_what_the_description_says_can_be_queried_too() -> None:
    rows = row(FileName="Invoice of May.PDF"), row(time=NOW - timedelta(hours=3), FileSize=None)
    file, _ = made(*rows, csv=True)
    assert facts(file) == {
        "feed": "malware_grid",
        "region": "eu",
        "times_seen": 2,
        "file_name": "Invoice of May.PDF",
        "file_extension": "pdf",
        "file_size": 1234,
        "mime_type": "application/pdf",
        "sending_ip": "192.0.2.7",
        "other_hashes": [md5("a file")],
    }


def test_the_other_hashes_of_a_file_begin_with_the_longest() -> None:
    hashes = {"MD5": md5("f"), "'SHA-256'": sha256("f"), "'SHA-1'": "ab" * 20}
    pattern = " AND ".join(f"file:hashes.{name} = '{value}'" for name, value in hashes.items())
    by_value = {found["pattern"][-34:-2]: facts(found) for found in made(stix(pattern=f"[{pattern}]"))}
    assert by_value[md5("f")]["other_hashes"] == [sha256("f"), "ab" * 20]


def test_what_mimecast_does_not_tell_is_left_out() -> None:
    [found] = made(stix(name=None))
    assert facts(found) == {"feed": "malware_grid", "region": "eu", "times_seen": 1}


def test_the_ids_of_the_extension_and_of_its_maker_are_the_same_for_ever() -> None:
    assert EXTENSION_ID == "extension-definition--10565d8e-8c66-5f30-b478-4c1fdf01d5f0"
    assert CREATOR_ID == "identity--06cca8dc-50b6-58ad-8a82-b527fd779a6f"
    [found] = made(stix())
    assert found["created_by_ref"] == CREATOR_ID
    assert found["kill_chain_phases"] == [{"kill_chain_name": "mitre-attack", "phase_name": "initial-access"}]


def test_the_definition_that_is_published_is_valid_and_fits_the_code(judged: Callable[[dict[str, Any]], Any]) -> None:
    folder = Path(__file__).parents[2] / "infra" / "sentinel" / "stix"
    objects = orjson.loads((folder / "mimecast-detection.json").read_bytes())["objects"]
    identity, definition = objects
    assert [identity["id"], definition["id"]] == [CREATOR_ID, EXTENSION_ID]
    assert [judged(found).errors for found in objects] == [[], []]
    described = orjson.loads((folder / definition["schema"]).read_bytes())["properties"]
    assert set(facts(made(row(), csv=True)[0])) < set(described)


def test_an_indicator_stays_small_whatever_mimecast_sends() -> None:
    """Bounds: a message holds 100 of them before it is compressed, and Sentinel bills every byte of a row."""
    wide = "\u4e2d" * 5000
    url = f"[url:value = 'http://a.example/{'%' * 2000}']"
    records = [row(FileName=wide, FileMimeType=wide, FileSize="9" * 15, SendingIP="fe80::1%" + "z" * 50)]
    largest = max(len(orjson.dumps(each)) for each in [*made(*records, csv=True), *made(stix(name=wide, pattern=url))])
    assert largest < 8 * 1024


def test_a_row_tells_more_and_never_the_recipient_or_the_sender() -> None:
    found = made(row(), csv=True)[0]
    for words in ("Invoice.pdf", "1234 bytes", "application/pdf", "192.0.2.7", "once", "2026-11-24T12:00:00.000Z"):
        assert words in found["description"]
    assert "@" not in str(found)


@pytest.mark.parametrize(
    ("tlp", "id"),
    [
        (Tlp.WHITE, "613f2e26-407d-48c7-9eca-b8e91df99dc9"),
        (Tlp.GREEN, "34098fce-860f-48ae-8e50-ebd3cc5e41da"),
        (Tlp.AMBER, "f88d31f6-486f-44da-b317-01333bde0b82"),
        (Tlp.RED, "5e57c739-391a-4eb3-b6be-7d15ca92d5ed"),
    ],
)
def test_the_marking_is_the_one_that_stix_defines(tlp: Tlp, id: str) -> None:
    [found] = made(stix(), policy=replace(DEFAULT, tlp=tlp))
    assert found["object_marking_refs"] == [f"marking-definition--{id}"]


@pytest.mark.parametrize("csv", [False, True])
def test_a_redacted_indicator_tells_the_extension_alone(csv: bool) -> None:
    name = "Offer for Jane Doe.PDF"
    record = row(FileName=name) if csv else stix(name=name)
    for found in made(record, csv=csv, policy=STRICT):
        assert "Jane" not in str(found)
        assert facts(found)["file_extension"] == "pdf"
        assert found["name"].startswith("Mimecast: malicious .pdf file ")


def test_the_end_of_a_subject_is_not_taken_for_an_extension() -> None:
    [found] = made(stix(name="Contract of J.Doe"), policy=STRICT)
    assert "Doe" not in str(found)


@pytest.mark.parametrize("validity", [timedelta(0), timedelta(milliseconds=1), timedelta(days=3650)])
@pytest.mark.parametrize("year", [2000, 2026, 2999])
def test_the_end_of_the_validity_is_later_than_its_start_whatever_the_clocks_say(
    validity: timedelta, year: int
) -> None:
    records = [stix(time=NOW.replace(year=year)), stix(time=NOW.replace(year=year) - timedelta(days=400))]
    records = [record for record in records if record[1]["created"] >= "2000"]
    [found] = made(*records, policy=replace(DEFAULT, validity=validity))
    assert found["valid_until"] > found["valid_from"]
