"""Small simulated worlds for tests that run the whole pipeline."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from mti.simulators import FeedSpec, MimecastFault, SentinelFault, Simulators
from mti.simulators.mimecast import AccountV1, AccountV2, MimecastSettings
from mti.simulators.scenario import DestinationSpec, RegionSpec, Scenario, TenantSpec
from mti.simulators.sentinel import App, SentinelSettings, WorkspaceSpec

CONTOSO = "10000000-0000-4000-8000-000000000001"
FABRIKAM = "20000000-0000-4000-8000-000000000002"
DIRECTORY = "30000000-0000-4000-8000-000000000003"
SECRETS = (
    "contoso-mimecast-secret-Zq8",
    "fabrikam-app-key-Zq8",
    "contoso-azure-secret-Zq8",
    "fabrikam-azure-secret-Zq8",
)


def two_tenants(
    *,
    detections: int = 300,
    page_size: int = 100,
    mimecast_faults: Sequence[MimecastFault] = (),
    sentinel_faults: Sequence[SentinelFault] = (),
    sentinel: SentinelSettings | None = None,
    mimecast: MimecastSettings | None = None,
) -> Scenario:
    """Return contoso (API 2.0, STIX) and fabrikam (API 1.0, CSV) in one region, each with a workspace of its own."""
    specs = {
        name: FeedSpec(seed=seed, detections=detections, page_size=page_size)
        for seed, name in enumerate(("contoso", "fabrikam", "grid"), 1)
    }
    contoso = AccountV2(id="contoso", region="eu", client_id="contoso-id", client_secret=SecretStr(SECRETS[0]))
    fabrikam = AccountV1(
        id="fabrikam",
        region="eu",
        app_id="fabrikam-app",
        app_key=SecretStr(SECRETS[1]),
        access_key="fabrikam-access-key",
        secret_key=SecretStr("ZmFicmlrYW0tc2VjcmV0LWtleQ=="),
        email="admin@fabrikam.example",
        password=SecretStr("fabrikam-password-Zq8"),
    )
    apps = {"contoso": "40000000-0000-4000-8000-000000000004", "fabrikam": "50000000-0000-4000-8000-000000000005"}
    workspaces = {"contoso": CONTOSO, "fabrikam": FABRIKAM}
    return Scenario(
        seed=5,
        tenants=tuple(
            TenantSpec(
                id=account.id,
                account=account,
                format=form,
                customer=specs[account.id],
                destinations=(DestinationSpec(workspace_id=workspaces[account.id], client_id=apps[account.id]),),
            )
            for account, form in ((contoso, "stix"), (fabrikam, "csv"))
        ),
        regions={"eu": RegionSpec(grid=specs["grid"])},
        workspaces=tuple(WorkspaceSpec(id=id) for id in workspaces.values()),
        apps=tuple(
            App(
                azure_tenant_id=DIRECTORY,
                client_id=apps[name],
                client_secret=SecretStr(secret),
                workspaces=(workspaces[name],),
            )
            for name, secret in (("contoso", SECRETS[2]), ("fabrikam", SECRETS[3]))
        ),
        mimecast=mimecast or MimecastSettings(),
        sentinel=sentinel or SentinelSettings(),
        mimecast_faults=tuple(mimecast_faults),
        sentinel_faults=tuple(sentinel_faults),
    )


def written(path: Path, **options: Any) -> dict[str, str]:
    """Write the tenants file of `two_tenants`, whose servers are gone again, and return the secrets that it names."""

    async def write() -> dict[str, str]:
        async with Simulators(two_tenants(**options)) as world:
            return world.write_tenants(path)

    return asyncio.run(write())


def assert_exact(world: Simulators) -> None:
    """What the workspaces hold is what the feeds imply, each observable under one id."""
    for workspace in (CONTOSO, FABRIKAM):
        compared = world.compare(workspace)
        assert [*compared.missing, *compared.unexpected, *compared.doubled] == []
        assert compared.expected
