"""The solution around the content: parser, connector page and what Azure-Sentinel's repository wants to know.

Forms: https://github.com/Azure/Azure-Sentinel/tree/master/Solutions and
https://learn.microsoft.com/azure/sentinel/data-connector-ui-definitions-reference
"""

from typing import Any, Final

from infra.sentinel.content import CONNECTORS, VERSION, hunts, rules
from infra.sentinel.kql import compile_query, tables_of
from infra.sentinel.playbook_templates import folder_of
from infra.sentinel.playbooks import playbooks
from infra.sentinel.workbooks import Book, books

NAME: Final = "Mimecast Threat Intelligence"
CONNECTOR: Final = "MimecastThreatIntelligence"
PARSER: Final = "MimecastIndicators"
PUBLISHED: Final = "2026-11-28"
ADDRESS: Final = "https://github.com/Azure/Azure-Sentinel"

LOGO: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="75" height="75" viewBox="0 0 75 75">'
    '<rect id="5b8f6c1e-6f0e-5d3c-9a52-1f4c7c1d2a01" x="6" y="16" width="63" height="43" rx="5" fill="#1b4f8f"/>'
    '<path id="5b8f6c1e-6f0e-5d3c-9a52-1f4c7c1d2a02" d="M9 20 37.500 43 66 20" fill="none" stroke="#ffffff" '
    'stroke-width="4"/><circle id="5b8f6c1e-6f0e-5d3c-9a52-1f4c7c1d2a03" cx="57" cy="54" r="13" fill="#c0392b"/>'
    '<path id="5b8f6c1e-6f0e-5d3c-9a52-1f4c7c1d2a04" d="M57 46v10M57 59v3" stroke="#ffffff" stroke-width="4"/></svg>\n'
)
"""Without style, class, title or text, and with GUIDs for ids, as the repository's validators want a logo."""

_UPLOADED: Final = "OwnRows\n| where not(Repeated)"
"""What came from us: rows that Sentinel repeats would keep a dead connector connected for a month."""


def parser() -> dict[str, Any]:
    """Return the function that people may install to ask for our indicators by one name."""
    return {
        "id": "1f1f4b0a-53d0-5c0c-8f0e-2d1f3f6f7b10",
        "Function": {"Title": "Indicators of Mimecast", "Version": VERSION, "LastUpdated": PUBLISHED},
        "Category": "Microsoft Sentinel Parser",
        "FunctionName": PARSER,
        "FunctionAlias": PARSER,
        "FunctionQuery": compile_query("Indicators", {"LookBack": "30d"}),
    }


def connector() -> dict[str, Any]:
    """Return the connector page: what came, when it last did, and how it is set up."""
    last = compile_query(f"{_UPLOADED}\n| summarize Time = max(RowArrived)\n| where isnotempty(Time)")
    connected = compile_query(
        f"{_UPLOADED}\n| summarize Last = max(RowArrived)\n| project IsConnected = Last > ago(3d)"
    )
    graph = compile_query(f"{_UPLOADED}\n| project TimeGenerated, Type = 'ThreatIntelIndicators'")
    samples = {
        "Indicators that are active now": "Indicators\n| where State == 'Active'\n| take 100",
        "Mail with a known file": "MailMatches\n| take 100",
        "What was withdrawn": "Indicators\n| where State == 'Withdrawn'\n| take 100",
    }
    return {
        "id": CONNECTOR,
        "title": "Mimecast Threat Intelligence",
        "publisher": "Community",
        "descriptionMarkdown": (
            "Malware that Mimecast found in mail, as indicators in Microsoft Sentinel: one for each file, with its "
            "confidence, marking, feed and validity, refreshed and withdrawn. Services of your own fetch and upload it."
        ),
        "graphQueries": [{"metricName": "Uploaded rows", "legend": "ThreatIntelIndicators", "baseQuery": graph}],
        "sampleQueries": [{"description": title, "query": compile_query(query)} for title, query in samples.items()],
        "dataTypes": [{"name": "ThreatIntelIndicators", "lastDataReceivedQuery": last}],
        "connectivityCriterias": [{"type": "IsConnectedQuery", "value": [connected]}],
        "availability": {"status": 1, "isPreview": False},
        "permissions": {
            "resourceProvider": [
                {
                    "provider": "Microsoft.OperationalInsights/workspaces",
                    "permissionsDisplayText": "read and write permissions on the workspace are required.",
                    "providerDisplayName": "Workspace",
                    "scope": "Workspace",
                    "requiredPermissions": {"read": True, "write": True, "delete": True},
                }
            ],
            "customs": [
                {
                    "name": "Mimecast API",
                    "description": "an API 2.0 application (or keys of API 1.0) that may read threat intelligence.",
                },
                {
                    "name": "Microsoft Sentinel Contributor",
                    "description": "for the identity that uploads, on the workspace.",
                },
            ],
        },
        "instructionSteps": [
            {
                "title": "1. Deploy the services",
                "description": (
                    "They run in your own subscription, as function apps or container apps. The template asks for the "
                    "workspace and refers to it; it never declares it."
                ),
            },
            {
                "title": "2. See that it arrives",
                "description": (
                    "The first indicators come within minutes of the first fetch. The workbook **Health** shows the "
                    "last upload, what is paused and what waits."
                ),
            },
            {
                "title": "3. Enable the analytic rules",
                "description": (
                    "Each says in its description what to do with its alerts. The rule on senders' addresses is off."
                ),
            },
        ],
    }


def metadata() -> dict[str, Any]:
    """Return `SolutionMetadata.json`."""
    return {
        "publisherId": "community",
        "offerId": "mimecast-threat-intelligence",
        "firstPublishDate": PUBLISHED,
        "lastPublishDate": PUBLISHED,
        "providers": ["Mimecast"],
        "categories": {"domains": ["Security - Threat Intelligence"], "verticals": []},
        "support": {"name": "Community", "tier": "Community", "link": f"{ADDRESS}/issues"},
    }


def data() -> dict[str, Any]:
    """Return `Data/Solution_….json`: what is packaged."""
    return {
        "Name": NAME,
        "Author": "Community",
        "Logo": f'<img src="{ADDRESS}/raw/master/Logos/{CONNECTOR}.svg" width="75px" height="75px">',
        "Description": (
            "The solution brings Mimecast's threat intelligence to the analyst in Microsoft Sentinel: workbooks, "
            "analytic rules and hunting queries on the table ThreatIntelIndicators, playbooks that answer incidents, "
            "and a page for the connector."
        ),
        "Data Connectors": [f"Data Connectors/{CONNECTOR}.json"],
        "Parsers": [f"Parsers/{PARSER}.yaml"],
        "Analytic Rules": [f"Analytic Rules/{name}.yaml" for name in rules()],
        "Hunting Queries": [f"Hunting Queries/{name}.yaml" for name in hunts()],
        "Workbooks": [f"Workbooks/{book.key}.json" for book in books().values()],
        "Playbooks": [f"Playbooks/{folder_of(name)}/azuredeploy.json" for name in playbooks()],
        "BasePath": f"Solutions/{NAME}",
        "Version": VERSION,
        "Metadata": "SolutionMetadata.json",
        "TemplateSpec": True,
        "Is1PConnector": False,
    }


def workbooks_metadata() -> list[dict[str, Any]]:
    """Return what `Workbooks/WorkbooksMetadata.json` of the repository holds of ours."""
    return [
        {
            "workbookKey": f"{book.key}Workbook",
            "logoFileName": f"{CONNECTOR}.svg",
            "description": book.description,
            "dataTypesDependencies": tables_read(book),
            "dataConnectorsDependencies": [
                CONNECTOR,
                *(name for name, tables in CONNECTORS.items() if set(tables) & set(tables_read(book)[1:])),
            ],
            "previewImagesFileNames": [f"{book.key}White.png", f"{book.key}Black.png"],
            "version": VERSION,
            "title": book.name,
            "templateRelativePath": f"{book.key}.json",
            "subtitle": book.subtitle,
            "provider": "Community",
        }
        for book in books().values()
    ]


def tables_read(book: Book) -> list[str]:
    """Return the tables and parsers that a workbook's tiles read, the indicators first."""
    tiles = [tile.content.query for tile in book.laid_out().tiles()]
    found = {table for query in tiles for table in tables_of(query)}
    return ["ThreatIntelIndicators", *sorted(found - {"ThreatIntelIndicators"})]


def release_notes() -> str:
    """Return `ReleaseNotes.md`."""
    return (
        "| **Version** | **Date Modified (DD-MM-YYYY)** | **Change History** |\n"
        "|-------------|--------------------------------|--------------------|\n"
        f"| {VERSION}       | {'-'.join(reversed(PUBLISHED.split('-')))}                     | First release      |\n"
    )
