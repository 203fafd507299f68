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
    """When Mimecast first saw it: workspaces that were filled a moment ago have an eventful past too."""


def files_in(rows: Iterable[Row], now: datetime) -> list[KnownFile]:
    """Return the files of a workspace that are active, in the order of their hashes.

    Args:
        rows: of `ThreatIntelIndicators` of one workspace, oldest first.
        now: the time.
    """
    newest: dict[str, Row] = {}
    for row in rows:
        newest[row["Id"]] = row
    found = [
        KnownFile(str(row["ObservableValue"]).lower(), _name(row), row["Created"])
        for row in newest.values()
        if "SHA-256" in row["ObservableKey"] and row["IsActive"] and not row["Revoked"] and row["ValidUntil"] > now
    ]
    return sorted(found, key=lambda file: file.sha256)


def _name(row: Row) -> str:
    name = str(row["Data"].get("name", ""))
    return name.removeprefix("Mimecast: malicious file ") or "attachment"
