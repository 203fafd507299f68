"""An incident in a workspace with known indicators, a Mimecast account with mail, and playbooks that are run on it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import SecretStr

from infra.sentinel.playbooks import playbooks
from mti.simulators.mimecast import AccountV2, Mailed, MimecastSettings, MimecastSimulator
from tests.normalizer.world import NOW, sha256
from tests.playbooks.azure import DEFENDER, LOGS, MANAGER, SUBSCRIPTION, VAULT, Azure
from tests.playbooks.running import Clock, Json, Run, Workflow
from tests.sentinel.names import CONTOSO as TABLES_OF
from tests.sentinel.running import ask
from tests.sentinel.tables import seen_at
from tests.sentinel.world import tables
from tests.support.worlds import CONTOSO

WORKSPACE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/soc/providers/Microsoft.OperationalInsights/workspaces/contoso"
)
INCIDENT = f"{WORKSPACE}/providers/Microsoft.SecurityInsights/Incidents/22222222-2222-2222-2222-222222222222"
KNOWN, WITHDRAWN, HARMLESS = sha256("known"), sha256("withdrawn"), sha256("harmless")
MIMECAST_SECRET, FUNCTION_KEY = "mimecast-client-secret-Zq8+/=", "function-key-Zq8+/="
UNTIL = "2026-12-18T12:00:00Z"
ACCOUNT = AccountV2(
    id="contoso",
    region="eu",
    client_id="contoso-id",
    client_secret=SecretStr(MIMECAST_SECRET),
    mail={KNOWN: Mailed(messages=4)},
)


def incident(*hashes: str, **properties: Any) -> Json:
    """Return what the trigger is given: an incident with those files, and some other entities."""
    files = [
        {"id": f"{INCIDENT}/e{number}", "kind": "FileHash", "type": "Microsoft.SecurityInsights/Entities",
         "properties": {"hashValue": value, "algorithm": "SHA256", "friendlyName": f"{value}(SHA256)"}}
        for number, value in enumerate(hashes)
    ]  # fmt: skip
    mailbox = {"id": "m", "kind": "Mailbox", "properties": {"mailboxPrimaryAddress": "alice@contoso.example"}}
    return {
        "objectSchemaType": "Incident",
        "objectEventType": "Update" if properties.get("status") == "Closed" else "Create",
        "workspaceInfo": {"SubscriptionId": SUBSCRIPTION, "ResourceGroupName": "soc", "WorkspaceName": "contoso"},
        "workspaceId": CONTOSO,
        "object": {
            "id": INCIDENT,
            "type": "Microsoft.SecurityInsights/Incidents",
            "properties": {
                "title": "Mimecast intelligence: Invoice.pdf in mail",
                "incidentNumber": 42,
                "status": "Active",
                "severity": "High",
                "owner": {"assignedTo": None, "userPrincipalName": None},
                "relatedEntities": [mailbox, *files],
                **properties,
            },
        },
    }


def row(value: str = KNOWN, state: str = "Active", kind: str = "SHA256", confidence: int = 80) -> list[Any]:
    """Return what the workspace answers of a file."""
    return [value, kind, state, UNTIL, confidence]


@dataclass
class World:
    """All that a playbook meets."""

    clock: Clock
    azure: Azure
    mimecast: MimecastSimulator
    parameters: dict[str, Json]
    rows: list[list[Any]] | None = None
    """What the workspace answers; `None`, and the engine asks the tables."""
    asked: list[str] = field(default_factory=list)

    async def run(self, name: str, body: Json, **changed: Any) -> Run:
        """Run a playbook on what the trigger is given."""
        book = playbooks()[name]
        common = {
            "ResourceManager": self.azure.base_url,
            "LogAnalytics": self.azure.base_url,
            "LogAnalyticsAudience": LOGS,
        }
        parameters = {**common, **self.parameters[name], **changed}
        identity = f"{self.azure.base_url}/identity/token"
        return await _Here(book.title, book.definition(), parameters, identity, self.clock).run(body)


class _Here(Workflow):
    """One whose Resource Manager is on loopback: its audience is its address."""

    async def token(self, http: Any, audience: str) -> str:
        return await super().token(http, MANAGER if audience.startswith("http://127.") else audience)


@asynccontextmanager
async def world(
    rows: list[list[Any]] | None = None,
    *,
    account: AccountV2 = ACCOUNT,
    settings: MimecastSettings | None = None,
    secrets: Mapping[str, str] | None = None,
) -> AsyncIterator[World]:
    """Open all that a playbook meets.

    Args:
        rows: what the workspace answers; `None`, and the engine asks the tables.
        account: at Mimecast.
        settings: of Mimecast.
        secrets: of the vault.
    """
    clock = Clock(NOW)
    kept = dict(secrets or {"mimecast-client-secret": MIMECAST_SECRET, "withdraw-key": FUNCTION_KEY})
    made: list[World] = []

    async def query(workspace: str, text: str) -> list[list[Any]]:
        assert workspace == CONTOSO
        made[0].asked.append(text)
        found = made[0].rows
        return found if found is not None else await asyncio.to_thread(engine, text)

    async with (
        Azure(clock, query, kept, [INCIDENT]) as azure,
        MimecastSimulator([account], {}, settings, now=clock) as mimecast,
    ):
        vault = {"Vault": azure.base_url, "VaultAudience": VAULT}
        parameters = {
            "remediate-in-mailboxes": {**vault, "Mimecast": mimecast.base_url, "ClientId": account.client_id},
            "block-in-defender": {"Defender": azure.base_url, "DefenderAudience": DEFENDER},
            "withdraw-false-positive": vault,
        }
        made.append(World(clock, azure, mimecast, parameters, rows))
        yield made[0]


@cache
def engine(query: str) -> list[list[Any]]:
    """Return what the workspace of the tables answers, as the query API writes it."""
    all_tables = seen_at(tables(), NOW)
    own = {name: [row for row in rows if row["TenantId"] == TABLES_OF] for name, rows in all_tables.items()}
    (rows,) = ask({"w": own}, [("w", query, NOW)])
    names = ("Value", "Kind", "State", "Until", "Confidence")
    assert all(set(found) == set(names) for found in rows), rows
    return [[f"{found[name]}Z" if name == "Until" else found[name] for name in names] for found in rows]
