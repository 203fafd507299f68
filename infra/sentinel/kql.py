"""KQL that is written once: `kql/*.kql` holds named statements, and a query gets those that it names.

A query across workspaces takes no function with parameters
(https://learn.microsoft.com/azure/azure-monitor/logs/cross-workspace-query), and a custom detection of advanced hunting
takes no saved function. So every artefact carries the statements that it uses in itself.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "kql"

_STATEMENT = re.compile(r"let (?P<name>[A-Z]\w*) = (?P<body>.+);", re.DOTALL)
_STRING = re.compile(r"@?'[^'\n]*'|@?\"[^\"\n]*\"")
_COMMENT = re.compile(r"^\s*//.*\n?", re.MULTILINE)

OPTIONAL: Final = (
    "EmailAttachmentInfo",
    "EmailEvents",
    "EmailPostDeliveryEvents",
    "DeviceFileEvents",
    "DeviceProcessEvents",
    "DeviceNetworkEvents",
    "CommonSecurityLog",
    "MimecastTTPAttachment",
    "MimecastCG",
    "OfficeActivity",
    "AppMetrics",
)
"""Tables, and parsers, that a workspace need not have: they stand in a `union isfuzzy=true` with an empty table."""

_DEFENDER = (
    "EmailAttachmentInfo",
    "EmailEvents",
    "EmailPostDeliveryEvents",
    "DeviceFileEvents",
    "DeviceProcessEvents",
    "DeviceNetworkEvents",
)
NOT_IN_ADVANCED_HUNTING: Final = (
    "MimecastTTPAttachment",
    "MimecastCG",
    "SecurityIncident",
    "AppMetrics",
    "OfficeActivity",
)
"""What a query of advanced hunting can't read in the same form; a query of these has no copy there."""


@cache
def statements() -> dict[str, str]:
    """Return the body of each named statement, without its comment.

    Raises:
        ValueError: a file does not hold exactly one statement of its own name.
    """
    found = {}
    for path in sorted(FOLDER.glob("*.kql")):
        text = _COMMENT.sub("", path.read_text(encoding="utf-8")).strip()
        match = _STATEMENT.fullmatch(text)
        if match is None or match["name"] != path.stem:
            raise ValueError(f"{path.name} must hold one statement: let {path.stem} = …;")
        found[path.stem] = match["body"]
    return found


def compile_query(query: str, values: Mapping[str, str] | None = None) -> str:
    """Return the query with the statements that it names before it, each after what it needs itself.

    Args:
        query: KQL that names statements.
        values: bodies that replace those of the files, such as `{"LookBack": "30d"}`.
    """
    bodies = {**statements(), **(values or {})}
    order: list[str] = []

    def need(text: str) -> None:
        for name in _names(text):
            if name in bodies and name not in order:
                need(bodies[name])
                order.append(name)

    need(query)
    return "\n".join([*(f"let {name} = {bodies[name]};" for name in order), query.strip()]) + "\n"


def tables_of(query: str) -> list[str]:
    """Return the tables and parsers that a compiled query reads."""
    known = ("ThreatIntelIndicators", "SecurityIncident", "SecurityAlert", *OPTIONAL)
    names = set(_names(query))
    return [table for table in known if table in names]


def advanced_hunting(query: str) -> str | None:
    """Return a compiled query for advanced hunting, or None where it reads what is not there in that form.

    Defender's tables have `Timestamp` there, and neither the workspace's id nor a time of arrival
    (https://learn.microsoft.com/defender-xdr/advanced-hunting-schema-tables). Sentinel's tables keep their columns.
    """
    if any(table in NOT_IN_ADVANCED_HUNTING for table in tables_of(query)):
        return None
    lines, of_defender = [], False
    for line in query.splitlines():
        if (table := re.match(r"\s*\(?(\w+)$", line.removeprefix("let ").rpartition("= ")[2])) is not None:
            of_defender = table[1] in _DEFENDER
        elif line.startswith("let "):
            of_defender = False
        # The row's own time for that of its arrival: a hunt looks at all rows anyway.
        own = line.replace("ingestion_time()", "TimeGenerated").replace("Workspace = TenantId", "Workspace = ''")
        lines.append(own.replace("TimeGenerated", "Timestamp") if of_defender else own)
    return "\n".join(lines) + "\n"


def _names(text: str) -> list[str]:
    """Return the words of a query in order, those in strings and comments left out."""
    return re.findall(r"\b[A-Z]\w*\b", _STRING.sub("''", _COMMENT.sub("", text)))
