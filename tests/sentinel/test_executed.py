"""Every query of every artefact, executed on tables with known matches."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.sentinel.content import rules
from infra.sentinel.kql import compile_query, statements
from infra.sentinel.workbooks import books
from tests.normalizer.world import NOW, md5, sha256
from tests.sentinel.names import ALICE, FABRIKAM, sha1
from tests.sentinel.questions import shown
from tests.sentinel.running import ask
from tests.sentinel.tables import Row, Tables, arrived, attachment, seen_at
from tests.sentinel.world import tables

pytestmark = pytest.mark.xdist_group("kql")

EXPECTED: Mapping[str, list[Row]] = yaml.safe_load(Path(__file__).with_name("expected.yaml").read_text())
VALUES = {"OurSource", "LookBack", "Frequency", "ChosenHash"}
"""Statements that are one value."""
FILES = (
    "known", "found late", "both hashes", "long known", "withdrawn", "expired", "changed", "three", "disguised",
    "deleted by hand", "changed here",
)  # fmt: skip
NAMED = {sha256(name): name for name in FILES} | {md5(name): f"{name} (MD5)" for name in FILES}
NAMED |= {sha1("three"): "three (SHA1)"}


@pytest.fixture(scope="module")
def answers() -> dict[str, list[Row]]:
    """What each query finds, asked in one process: it takes half a minute."""
    asked = shown()
    found = ask({"both": seen_at(tables(), NOW)}, [("both", query, NOW) for query in asked.values()])
    return dict(zip(asked, found, strict=True))


def test_what_is_expected_is_said_of_every_query() -> None:
    assert set(EXPECTED) == set(shown())


@pytest.mark.parametrize("name", EXPECTED)
def test_a_query_finds_what_is_there_and_no_more(answers: dict[str, list[Row]], name: str) -> None:
    columns = {column for row in EXPECTED[name] for column in row}
    found = answers[name]
    assert sorted(map(_shown, _of(found, columns))) == sorted(map(_shown, _of(EXPECTED[name], columns)))


@pytest.mark.parametrize("name", books())
def test_what_a_click_takes_is_a_column_of_the_tile(answers: dict[str, list[Row]], name: str) -> None:
    for tile in books()[name].laid_out().tiles():
        taken = {each.fieldName for each in tile.content.exportedParameters or ()}
        for row in answers.get(f"{name}/{tile.content.title}", ()):
            assert taken <= set(row), tile.content.title


def test_a_pair_is_told_once_whichever_came_first_and_however_late() -> None:
    """The rule runs every hour; all its runs around each arrival are asked."""
    runs = [NOW + timedelta(hours=hours) for hours in (-71, -70, -2, -1, 0, 1, 2)]
    worlds = {run.isoformat(): seen_at(tables(run), run) for run in runs}
    query = rules()["known-file-in-mail"].compiled
    found = ask(worlds, [(run.isoformat(), query, run) for run in runs])
    told = [sorted(row["NetworkMessageId"] for row in rows) for rows in found]
    now = ["f-draft", "f-live", "m-late", "m-live", "m-repeated", "m-slow"]
    assert told == [["m-told"], [], [], [], now, [], []]


def test_a_source_that_only_sentinel_repeats_is_silent() -> None:
    world = seen_at(tables(), NOW)
    one = {name: [row for row in rows if row["TenantId"] == FABRIKAM] for name, rows in world.items()}
    nothing: Tables = {**one, "ThreatIntelIndicators": []}
    [told], [empty] = ask(
        {"one": one, "nothing": nothing},
        [(name, rules()["source-is-silent"].compiled, NOW) for name in ("one", "nothing")],
    )
    assert (told["HoursSilent"], told["ActiveIndicators"]) == (120, 2)
    assert (empty["HoursSilent"], empty["ActiveIndicators"]) == (336, 0)


@pytest.mark.parametrize("kept", [("Data",), ("Tags",)], ids=["without tags", "without data"])
def test_feed_and_region_are_read_where_a_workspace_keeps_one_of_two_columns(kept: tuple[str]) -> None:
    world = seen_at(tables(), NOW)
    dropped = dict.fromkeys({"Data", "Tags"} - set(kept))
    rows = [{**row, **dropped} for row in world["ThreatIntelIndicators"]]
    [found] = ask({"kept": {"ThreatIntelIndicators": rows}}, [("kept", compile_query("Indicators"), NOW)])
    assert {(row["Feed"], row["Region"]) for row in found} == {("malware_grid", "eu"), ("malware_customer", "eu")}


def test_rows_of_a_release_before_the_facts_have_none_and_count_all_the_same() -> None:
    """Nothing is read out of their descriptions instead."""
    world = seen_at(tables(), NOW)
    rows = [{**row, "Data": {**row["Data"], "extensions": None}} for row in world["ThreatIntelIndicators"]]
    asked = [compile_query("Indicators"), rules()["known-file-in-mail"].compiled, rules()["sender-address"].compiled]
    found, mails, hints = ask({"old": {**world, "ThreatIntelIndicators": rows}}, [("old", each, NOW) for each in asked])
    assert {row["State"] for row in found} == {"Active", "Expired", "Withdrawn"}
    facts = ("KnownName", "Extension", "Bytes", "MimeType", "SentFrom", "SeenAtLeast", "OtherHashes")
    assert {row[fact] for row in found for fact in facts} <= {None, ""}
    assert len(mails) == 6
    assert hints == []


def test_every_statement_can_be_asked_where_no_optional_table_is_ingested() -> None:
    least: Tables = {"ThreatIntelIndicators": [], "SecurityIncident": [], "SecurityAlert": []}
    tabular = [name for name in statements() if name not in VALUES]
    found = ask({"least": least}, [("least", compile_query(name), NOW) for name in tabular])
    assert {name for name, rows in zip(tabular, found, strict=True) if rows} == {"SameFile"}, "the chosen hash itself"


def test_a_message_that_is_older_than_what_a_rule_reads_is_not_told() -> None:
    old = arrived(attachment("m-old", ALICE, sha256("known"), NOW - timedelta(days=15)), NOW - timedelta(minutes=5))
    world = {**_of_contoso(tables()), "EmailAttachmentInfo": [{**old, "TenantId": "contoso-workspace"}]}
    [found] = ask({"old": seen_at(world, NOW)}, [("old", rules()["known-file-in-mail"].compiled, NOW)])
    assert found == []


def _of_contoso(both: Tables) -> Tables:
    return {name: [row for row in rows if row["TenantId"] != FABRIKAM] for name, rows in both.items()}


def _of(rows: list[Row], columns: set[str]) -> list[Row]:
    return [{name: row[name] for name in columns if row.get(name) not in (None, "")} for row in rows]


def _shown(row: Row) -> str:
    return json.dumps({name: _plain(value) for name, value in row.items()}, sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith("["):
        return sorted(json.loads(value))
    return NAMED.get(value, value) if isinstance(value, str) else value
