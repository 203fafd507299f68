"""Analytic rules and hunting queries: what is written about each, and the form of Azure-Sentinel's repository.

The limits are those of https://learn.microsoft.com/azure/sentinel/sentinel-service-limits and of the pages on
entities, custom details and alert details there.
"""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from infra.sentinel.kql import compile_query, tables_of

FOLDER: Final = Path(__file__).parent
VERSION: Final = "1.0.0"

TACTICS: Final = {
    "T1036": ("DefenseEvasion",),
    "T1080": ("LateralMovement",),
    "T1204.002": ("Execution",),
    "T1566": ("InitialAccess",),
    "T1566.001": ("InitialAccess",),
}
"""Every tactic of each technique that is used: https://attack.mitre.org/techniques/enterprise/"""

CONNECTORS: Final = {
    "ThreatIntelligence": ("ThreatIntelIndicators",),
    "MicrosoftThreatProtection": (
        "EmailAttachmentInfo",
        "EmailEvents",
        "EmailPostDeliveryEvents",
        "DeviceFileEvents",
        "DeviceProcessEvents",
        "DeviceNetworkEvents",
    ),
    "MimecastTTPAPI": ("MimecastTTPAttachment",),
    "MimecastSEGAPI": ("MimecastCG",),
    "CefAma": ("CommonSecurityLog",),
    "Office365": ("OfficeActivity",),
}
"""The connectors by the ids of Azure-Sentinel's repository, and what of theirs is read."""

IDENTIFIERS: Final = {
    "Account": {"Name", "NTDomain", "UPNSuffix", "AadUserId", "Sid"},
    "File": {"Name", "Directory"},
    "FileHash": {"Algorithm", "Value"},
    "Host": {"HostName", "DnsDomain", "FullName"},
    "IP": {"Address"},
    "MailMessage": {"NetworkMessageId", "InternetMessageId", "Recipient", "Sender", "Subject"},
    "Mailbox": {"MailboxPrimaryAddress"},
    "Process": {"ProcessId", "CommandLine"},
    "URL": {"Url"},
}
"""What of https://learn.microsoft.com/azure/sentinel/entities-reference is used."""

Technique = Annotated[str, Field(pattern=r"^T\d{4}(\.\d{3})?$")]
Span = Annotated[str, Field(pattern=r"^\d{1,2}[mhd]$")]


class Query(BaseModel):
    """What a rule and a hunt have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: UUID
    name: str = Field(max_length=256)
    description: str = Field(max_length=5000)
    connectors: tuple[str, ...] = Field(min_length=1)
    techniques: tuple[Technique, ...]
    query: str
    look_back: Span = "14d"

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not set(self.connectors) <= set(CONNECTORS) or not set(self.techniques) <= set(TACTICS):
            raise ValueError("a connector or a technique that is not listed")
        return self

    @property
    def compiled(self) -> str:
        """The query that is deployed."""
        return compile_query(self.query, {"LookBack": self.look_back})

    @property
    def tactics(self) -> list[str]:
        """Every tactic of the techniques."""
        return sorted({tactic for technique in self.techniques for tactic in TACTICS[technique]})

    @property
    def required(self) -> list[dict[str, Any]]:
        """The connectors with the tables of theirs that the query reads."""
        tables = tables_of(self.compiled)
        return [
            {"connectorId": name, "dataTypes": [table for table in CONNECTORS[name] if table in tables]}
            for name in self.connectors
        ]


class Rule(Query):
    """A scheduled analytic rule, as it is written down here."""

    severity: Literal["High", "Medium", "Low", "Informational"]
    """Of an alert that does not say its own in `AlertSeverity`."""
    title: str = Field(max_length=256)
    """Of an alert: at most three columns."""
    entities: dict[str, dict[str, str]] = Field(max_length=10)
    """Of each type the identifiers with their columns."""
    details: dict[Annotated[str, Field(max_length=20, pattern=r"^[A-Za-z]+$")], str] = Field(max_length=20)
    frequency: Span = "1h"
    enabled: bool = True
    """Whether the deployed rule runs at once; in the repository's form none does."""

    @model_validator(mode="after")
    def _within_the_limits(self) -> Self:
        for kind, identifiers in self.entities.items():
            if not set(identifiers) <= IDENTIFIERS[kind] or len(identifiers) > 3:
                raise ValueError(f"{kind}: three known identifiers at most")
        if len(re.findall(r"{{\w+}}", self.title)) > 3:
            raise ValueError("three columns at most in a title")
        return self

    @property
    def compiled(self) -> str:
        """The query that is deployed."""
        return compile_query(self.query, {"LookBack": self.look_back, "Frequency": self.frequency})

    def written(self) -> dict[str, Any]:
        """Return the rule in the form of Azure-Sentinel's repository."""
        return {
            "id": str(self.id),
            "name": self.name,
            "version": VERSION,
            "kind": "Scheduled",
            "description": self.description,
            "severity": self.severity,
            "status": "Available",
            "requiredDataConnectors": self.required,
            "queryFrequency": self.frequency,
            "queryPeriod": self.look_back,
            "triggerOperator": "gt",
            "triggerThreshold": 0,
            "tactics": self.tactics,
            "relevantTechniques": list(self.techniques),
            "query": self.compiled,
            "entityMappings": [
                {
                    "entityType": kind,
                    "fieldMappings": [{"identifier": key, "columnName": column} for key, column in found.items()],
                }
                for kind, found in self.entities.items()
            ],
            "customDetails": dict(self.details),
            "alertDetailsOverride": {
                "alertDisplayNameFormat": self.title,
                "alertSeverityColumnName": "AlertSeverity",
            },
            "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
            "suppressionEnabled": False,
            "suppressionDuration": "5h",
            "incidentConfiguration": {
                "createIncident": True,
                "groupingConfiguration": {
                    "enabled": bool(self.entities),
                    "reopenClosedIncident": False,
                    "lookbackDuration": "1d",
                    "matchingMethod": "AllEntities",
                },
            },
        }


class Hunt(Query):
    """A hunting query, as it is written down here."""

    def written(self) -> dict[str, Any]:
        """Return the query in the form of Azure-Sentinel's repository."""
        return {
            "id": str(self.id),
            "name": self.name,
            "description": self.description,
            "requiredDataConnectors": self.required,
            "tactics": self.tactics,
            "relevantTechniques": list(self.techniques),
            "query": self.compiled,
            "version": VERSION,
        }


@cache
def rules() -> dict[str, Rule]:
    """Return the rules by the names of their files.

    Raises:
        ValueError: one breaks a limit of the platform.
    """
    return {path.stem: Rule.model_validate(_read(path)) for path in sorted((FOLDER / "rules").glob("*.yaml"))}


@cache
def hunts() -> dict[str, Hunt]:
    """Return the hunting queries by the names of their files.

    Raises:
        ValueError: one breaks a limit of the platform.
    """
    return {path.stem: Hunt.model_validate(_read(path)) for path in sorted((FOLDER / "hunting").glob("*.yaml"))}


def _read(path: Path) -> object:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
