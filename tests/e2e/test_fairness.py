"""Quiet tenants beside noisy ones, in real processes: they are complete while the noisy ones still work or wait."""

from pathlib import Path

from pydantic import SecretStr

from mti.simulators import (
    FeedSpec,
    MimecastFault,
    MimecastFaultKind,
    SentinelFault,
    SentinelFaultKind,
    Simulators,
)
from mti.simulators.mimecast import AccountV2
from mti.simulators.scenario import DestinationSpec, RegionSpec, Scenario, TenantSpec
from mti.simulators.sentinel import App, WorkspaceSpec
from tests.support.cli import start
from tests.support.waiting import until

QUIET = ("contoso", "fabrikam", "northwind")
FLOOD, HANGING, THROTTLED = "flood", "hanging", "throttled"
TENANTS = (FLOOD, HANGING, THROTTLED, *QUIET)
DIRECTORY = "30000000-0000-4000-8000-000000000003"


def workspace(tenant: str) -> str:
    return f"{TENANTS.index(tenant):08d}-1000-4000-8000-000000000000"


def app(tenant: str) -> str:
    return f"{TENANTS.index(tenant):08d}-2000-4000-8000-000000000000"


def scenario() -> Scenario:
    flood = FeedSpec(seed=1, detections=20_000, distinct=15_000, page_size=200)
    quiet = FeedSpec(seed=2, detections=60, page_size=25)
    return Scenario(
        tenants=tuple(
            TenantSpec(
                id=tenant,
                account=AccountV2(
                    id=tenant, region="eu", client_id=f"{tenant}-id", client_secret=SecretStr(f"{tenant}-secret-Zq8")
                ),
                feeds=("malware_customer",),
                customer=flood if tenant == FLOOD else quiet.model_copy(update={"seed": TENANTS.index(tenant)}),
                destinations=(DestinationSpec(workspace_id=workspace(tenant), client_id=app(tenant)),),
            )
            for tenant in TENANTS
        ),
        regions={"eu": RegionSpec(grid=FeedSpec(detections=1, test_files=0))},
        workspaces=tuple(WorkspaceSpec(id=workspace(tenant)) for tenant in TENANTS),
        apps=tuple(
            App(
                azure_tenant_id=DIRECTORY,
                client_id=app(tenant),
                client_secret=SecretStr(f"{tenant}-azure-Zq8"),
                workspaces=(workspace(tenant),),
            )
            for tenant in TENANTS
        ),
        mimecast_faults=(
            MimecastFault(name="hangs", kind=MimecastFaultKind.HANG, feed=f"{HANGING}/malware_customer", times=None),
        ),
        sentinel_faults=(
            SentinelFault(
                name="429", kind=SentinelFaultKind.RATE_LIMITED, workspace=workspace(THROTTLED), seconds=30, times=None
            ),
        ),
    )


async def test_quiet_tenants_are_complete_while_a_flood_a_hanging_account_and_a_throttled_workspace_go_on(
    tmp_path: Path,
) -> None:
    async with Simulators(scenario()) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml")
        tight = {"MTI_FETCHER_CONCURRENCY": "4", "MTI_PUBLISHER_SLOTS": "4"}
        stack = await start(
            "up", "--tenants", tmp_path / "tenants.yaml", "--data", tmp_path / "data", "--allow-loopback",
            env={**env, **tight},
        )  # fmt: skip
        try:

            def quiet_are_complete() -> bool:
                assert stack.returncode is None
                return all(world.compare(workspace(tenant)).clean for tenant in QUIET)

            await until(quiet_are_complete, between=0.2)
            held = {tenant: len(list(world.sentinel.workspaces[workspace(tenant)].objects())) for tenant in TENANTS}
        finally:
            stack.kill()  # the other processes end with it
            await stack.communicate()
        expected = {tenant: len(world.expected(workspace(tenant))) for tenant in TENANTS}
    for tenant in QUIET:
        assert held[tenant] == expected[tenant] > 0
    assert held[HANGING] == held[THROTTLED] == 0
    assert 0 <= held[FLOOD] < expected[FLOOD]
    assert world.sentinel.faults.struck["429"] > 0
    assert world.mimecast.faults.struck["hangs"] > 0
