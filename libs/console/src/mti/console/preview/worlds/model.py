"""What a world is: tables of one or more workspaces at one time, and which of them are real."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

Row = dict[str, Any]
Tables = dict[str, list[Row]]


class Kind(StrEnum):
    """What a person looks at."""

    FOLDER = "folder"
    """What a folder holds, and nothing else: tables that an embedded run does not fill are not there."""
    MIXED = "mixed"
    """The folder's indicators, and around them mail, devices and incidents of a sample."""
    SAMPLE = "sample"
    """Nothing but a sample."""


class Origin(StrEnum):
    """Where the rows of a table come from."""

    UPLOADED = "uploaded"
    """Rows as a simulated workspace kept them when an embedded run uploaded to it."""
    BOOKS = "books"
    """Rows that were made of the publisher's books."""
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace: its id, which is `TenantId` in its rows, and how people call it."""

    id: str
    label: str
    source_system: str = "Mimecast"


NOWHERE: Final = Workspace("none", "no workspace yet")
"""What is looked at where a folder has none."""


@dataclass(slots=True)
class World:
    """Rows in the columns of `mti.console.preview.schemas`, each with its workspace in `TenantId`."""

    now: datetime
    """The time at which they are looked at."""
    workspaces: list[Workspace] = field(default_factory=list)
    tables: Tables = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    """Of each table that is there."""
    notes: list[str] = field(default_factory=list)
    """What somebody who looks has to know."""

    def add(self, tables: Mapping[str, Iterable[Row]], origin: Origin) -> None:
        """Take more tables in."""
        for name, rows in tables.items():
            self.tables.setdefault(name, []).extend(rows)
            self.origins[name] = origin

    def summary(self) -> dict[str, Any]:
        """Return all but the rows, as JSON data."""
        return {
            "now": self.now.isoformat(),
            "workspaces": [[each.id, each.label, each.source_system] for each in self.workspaces],
            "rows": {name: len(rows) for name, rows in self.tables.items()},
            "origins": dict(self.origins),
            "notes": self.notes,
        }
