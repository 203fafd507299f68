"""The rows of the table `ThreatIntelIndicators` that uploads leave in a workspace.

The table only grows: an upload appends a row for each indicator, and Sentinel appends one more for each indicator that
is active every 7 to 10 days. An indicator that expires gets no row of its own, so its newest one goes on saying that
it is active. Columns: https://learn.microsoft.com/azure/azure-monitor/reference/tables/threatintelindicators
Repetition: https://learn.microsoft.com/azure/sentinel/work-with-threat-indicators
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from mti.simulators.sentinel.pattern import observable_of
from mti.simulators.times import parse_stix_time

REPEATER: Final = "LogARepublisher"
REPEATED_AFTER: Final = timedelta(days=8)

_MARKINGS: Final = {
    "613f2e26-407d-48c7-9eca-b8e91df99dc9": "white",
    "34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
}


class Arrival(NamedTuple):
    """One accepted object."""

    at: datetime
    source_system: str
    record: dict[str, Any]


class Service(NamedTuple):
    """Whose rows they are, and the service's habits."""

    workspace_id: str
    azure_tenant_id: str = "00000000-0000-0000-0000-000000000000"
    repeated_after: timedelta = REPEATED_AFTER
    repeater_as_source: bool = False
    """Whether a repeated row names the repeater in `SourceSystem` too: Microsoft's pages describe both."""


def rows_of(arrivals: Iterable[Arrival], service: Service, *, until: datetime) -> list[dict[str, Any]]:
    """Return the table's rows at a time, oldest first.

    Args:
        arrivals: in the order in which they came.
        service: whose rows they are.
        until: the time of looking; later arrivals are not there yet.
    """
    by_id: dict[tuple[str, str], list[Arrival]] = {}
    for arrival in arrivals:
        if arrival.record.get("type") == "indicator" and arrival.at <= until:
            by_id.setdefault((arrival.source_system, str(arrival.record["id"])), []).append(arrival)
    rows = [row for versions in by_id.values() for row in _life(versions, service, until)]
    return sorted(rows, key=lambda row: (row["TimeGenerated"], row["Id"]))


def _life(versions: list[Arrival], service: Service, until: datetime) -> Iterator[dict[str, Any]]:
    """Return the rows of one indicator: those that were uploaded, and in between those that Sentinel repeats."""
    ends = [*(later.at for later in versions[1:]), until]
    for arrival, end in zip(versions, ends, strict=True):
        yield _row(arrival, service, arrival.at, repeated=False)
        at = arrival.at + service.repeated_after
        while at < end and _active(arrival.record, at):
            yield _row(arrival, service, at, repeated=True)
            at += service.repeated_after


def _active(record: dict[str, Any], at: datetime) -> bool:
    until = parse_stix_time(str(record.get("valid_until", "")))
    return record.get("revoked") is not True and (until is None or at < until)


def _row(arrival: Arrival, service: Service, at: datetime, *, repeated: bool) -> dict[str, Any]:
    record = arrival.record
    observable = observable_of(record)
    marking = str(record.get("object_marking_refs", ""))
    source = b64encode(arrival.source_system.encode()).decode()
    return {
        "TimeGenerated": at,
        "WorkspaceId": service.workspace_id,
        "AzureTenantId": service.azure_tenant_id,
        "Id": f"{source}---{record['id']}",
        "SourceSystem": REPEATER if repeated and service.repeater_as_source else arrival.source_system,
        "LastUpdateMethod": REPEATER if repeated else "UploadApi",
        "IsDeleted": False,
        "AdditionalFields": {"TLPLevel": next((name for id, name in _MARKINGS.items() if id in marking), "unknown")},
        "Data": record,
        "IsActive": _active(record, at),
        "Revoked": record.get("revoked") is True,
        "ValidFrom": parse_stix_time(str(record["valid_from"])),
        "ValidUntil": parse_stix_time(str(record.get("valid_until", ""))),
        "Created": parse_stix_time(str(record["created"])),
        "Modified": parse_stix_time(str(record["modified"])),
        "Tags": ", ".join(map(str, record.get("labels", ()))),
        "Confidence": record.get("confidence"),
        "Pattern": record.get("pattern"),
        "ObservableKey": observable.key,
        "ObservableValue": observable.as_written,
        "Type": "ThreatIntelIndicators",
        "TenantId": service.workspace_id,
    }
