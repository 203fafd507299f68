"""The files that the sample's events are about: those that a workspace's indicators name."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mti.console.preview.worlds.model import Row


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that an active indicator names by its SHA-256."""

    sha256: str
    name: str
    known: datetime
    """When its indicator first arrived."""


def files_in(rows: Iterable[Row], now: datetime) -> list[KnownFile]:
    """Return the files of a workspace that are active, in the order of their hashes.

    Args:
        rows: of `ThreatIntelIndicators` of one workspace, oldest first.
        now: the time.
    """
    newest: dict[str, Row] = {}
    arrived: dict[str, datetime] = {}
    for row in rows:
        newest[row["Id"]] = row
        arrived.setdefault(row["Id"], row["TimeGenerated"])
    found = [
        KnownFile(str(row["ObservableValue"]).lower(), _name(row), arrived[id])
        for id, row in newest.items()
        if "SHA-256" in row["ObservableKey"] and row["IsActive"] and not row["Revoked"] and row["ValidUntil"] > now
    ]
    return sorted(found, key=lambda file: file.sha256)


def _name(row: Row) -> str:
    name = str(row["Data"].get("name", ""))
    return name.removeprefix("Mimecast: malicious file ") or "attachment"
