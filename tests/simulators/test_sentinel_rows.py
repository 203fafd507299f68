"""Rows of `ThreatIntelIndicators` come and stay as the service keeps them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from mti.simulators.sentinel.rows import REPEATER, Arrival, Service, rows_of
from mti.simulators.sentinel.workspace import Workspace

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SHA = "AB" * 32


def indicator(seen: datetime, *, days: int = 30, **rest: Any) -> dict[str, Any]:
    return {
        "type": "indicator",
        "id": "indicator--1",
        "created": seen.isoformat(),
        "modified": seen.isoformat(),
        "valid_from": seen.isoformat(),
        "valid_until": (seen + timedelta(days=days)).isoformat(),
        "pattern": f"[file:hashes.'SHA-256' = '{SHA}']",
        "labels": ["mimecast", "feed:malware_grid"],
        "confidence": 80,
        **rest,
    }


def rows(*arrivals: tuple[int, dict[str, Any]], **habits: Any) -> list[dict[str, Any]]:
    came = [Arrival(NOW - timedelta(days=days), "Mimecast", record) for days, record in arrivals]
    return rows_of(came, Service("a-workspace", **habits), until=NOW)


def test_an_active_indicator_is_repeated_until_it_expires_and_then_keeps_its_last_word() -> None:
    seen = NOW - timedelta(days=30)
    found = rows((30, indicator(seen, days=20)))
    assert [row["LastUpdateMethod"] for row in found] == ["UploadApi", REPEATER, REPEATER]
    assert found[-1]["IsActive"], "nothing is written when an indicator expires"
    assert found[-1]["ValidUntil"] < NOW


def test_a_withdrawal_is_a_row_and_ends_the_repetition() -> None:
    seen = NOW - timedelta(days=30)
    found = rows((30, indicator(seen)), (20, indicator(seen, revoked=True)))
    assert [(row["LastUpdateMethod"], row["Revoked"], row["IsActive"]) for row in found] == [
        ("UploadApi", False, True),
        (REPEATER, False, True),
        ("UploadApi", True, False),
    ]


def test_a_refresh_begins_the_time_to_the_next_repetition_anew() -> None:
    seen = NOW - timedelta(days=12)
    found = rows((12, indicator(seen)), (6, indicator(seen, confidence=90)))
    assert [(row["LastUpdateMethod"], row["Confidence"]) for row in found] == [("UploadApi", 80), ("UploadApi", 90)]


def test_a_repeated_row_may_name_the_repeater_as_its_source_and_keeps_its_id() -> None:
    seen = NOW - timedelta(days=10)
    usual, other = (rows((10, indicator(seen)), repeater_as_source=each) for each in (False, True))
    assert [row["SourceSystem"] for row in usual] == ["Mimecast", "Mimecast"]
    assert [row["SourceSystem"] for row in other] == ["Mimecast", REPEATER]
    assert {row["Id"] for row in (*usual, *other)} == {"TWltZWNhc3Q=---indicator--1"}


def test_key_and_value_are_as_they_were_sent() -> None:
    [found] = rows((1, indicator(NOW - timedelta(days=1))))
    assert (found["ObservableKey"], found["ObservableValue"]) == ("file:hashes.'SHA-256'", SHA)
    assert (found["Tags"], found["TenantId"]) == ("mimecast, feed:malware_grid", "a-workspace")


def test_a_workspace_gives_the_rows_of_what_it_took() -> None:
    import orjson

    workspace, record = Workspace("a-workspace"), indicator(datetime.now(UTC))
    refused = indicator(datetime.now(UTC), id="indicator--2")
    workspace.accept(orjson.dumps({"stixobjects": [record, refused]}), "Mimecast", [record, refused], [0])
    [found] = workspace.rows(datetime.now(UTC))
    assert found["Data"] == record
