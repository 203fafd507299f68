from datetime import timedelta
from pathlib import Path

import pytest

from mti.common.ports.secrets import Scheme, SecretReference
from mti.common.registry import Feed, FeedFormat, MimecastApi, NamePolicy, SentinelAuth, Tlp, load_registry
from mti.common.registry.file import SECTIONS
from tests.common.tenants import AZURE_TENANT, WORKSPACE, destination, load, mimecast, mimecast_v1, tenant

pytestmark = pytest.mark.pure

EXAMPLE = Path(__file__).parents[2] / "tenants.example.yaml"


def test_the_example_loads() -> None:
    registry = load_registry(EXAMPLE, allow_loopback=False)
    assert set(registry.sources) == {"contoso/malware_customer", "grid:eu"}
    assert [account.tenant for account in registry.sources["grid:eu"].accounts] == ["contoso", "fabrikam"]
    assert registry.sources["grid:eu"].accounts[1].format is FeedFormat.CSV
    assert set(registry.destinations) == {WORKSPACE.format(1), WORKSPACE.format(2)}
    assert {(route.source, route.destination) for route in registry.routes} == {
        ("contoso/malware_customer", WORKSPACE.format(1)),
        ("grid:eu", WORKSPACE.format(1)),
        ("grid:eu", WORKSPACE.format(2)),
    }


def test_the_reference_describes_every_field() -> None:
    described = (EXAMPLE.parent / "docs" / "tenants.md").read_text()
    missing = [name for fields in SECTIONS.fields.values() for name in fields if f"`{name}`" not in described]
    assert missing == []


def test_what_is_left_away_has_the_documented_defaults() -> None:
    registry = load(tenant())
    source = registry.sources["contoso/malware_customer"]
    assert (source.poll_interval, source.lookback, source.overlap) == (
        timedelta(minutes=5),
        timedelta(days=7),
        timedelta(minutes=15),
    )
    assert source.accounts[0].base_url == "https://api.services.mimecast.com"
    assert source.accounts[0].format is FeedFormat.STIX
    workspace = registry.destinations[WORKSPACE.format(1)]
    assert workspace.endpoint == "https://api.ti.sentinel.azure.com"
    assert workspace.authority == "https://login.microsoftonline.com"
    assert (workspace.source_system, workspace.requests_per_minute) == ("Mimecast", 100)
    policy = registry.routes[0].policy
    assert (policy.validity, policy.refresh_after, policy.confidence) == (timedelta(days=30), 0.5, 80)
    assert (policy.tlp, policy.names, policy.allow_list) == (Tlp.AMBER, NamePolicy.KEEP, frozenset())


def test_an_api_written_as_a_yaml_number_is_understood(tmp_path: Path) -> None:
    text = EXAMPLE.read_text().replace('api: "2.0"', "api: 2.0").replace('api: "1.0"', "api: 1.0")
    assert "api: 2.0\n" in text
    file = tmp_path / "tenants.yaml"
    file.write_text(text)
    accounts = load_registry(file, allow_loopback=False).sources["grid:eu"].accounts
    assert [account.api for account in accounts] == [MimecastApi.V2, MimecastApi.V1]
    assert set(accounts[1].secrets) == {"app_id", "app_key", "access_key", "secret_key", "email", "password"}


def test_a_tenant_may_override_the_times_and_the_policy_field_by_field() -> None:
    registry = load(
        tenant(poll_interval="1m", overlap="0s", indicator={"confidence": 50, "names": "redact"}),
        tenant("fabrikam", destinations=[destination(2)]),
        lookback="3d",
        indicator={"confidence": 70, "tlp": "red"},
    )
    own = registry.sources["contoso/malware_customer"]
    assert (own.poll_interval, own.lookback, own.overlap) == (timedelta(minutes=1), timedelta(days=3), timedelta(0))
    mine, other = registry.routes
    assert (mine.policy.confidence, mine.policy.tlp, mine.policy.names) == (50, Tlp.RED, NamePolicy.REDACT)
    assert other.policy.confidence == 70


def test_allow_list_entries_are_stripped_and_put_into_lower_case() -> None:
    sha256 = "EC5A6C52ACDC187FC6C1187F14CD685C686C2B283503A023C4A9D3A977B491BE"
    registry = load(tenant(), indicator={"allow_list": [f" {sha256} ", "Example.COM"]})
    assert registry.routes[0].policy.allow_list == {sha256.lower(), "example.com"}


def test_a_grid_is_shared_by_a_regions_tenants_in_the_files_order_and_follows_the_defaults() -> None:
    grid = {"feeds": ["malware_grid"], "poll_interval": "1m"}
    registry = load(
        tenant("b", **grid),
        tenant("a", **grid, destinations=[destination(2)]),
        tenant("us", **grid, mimecast=mimecast(region="us"), destinations=[destination(3)]),
        poll_interval="9m",
    )
    assert set(registry.sources) == {"grid:eu", "grid:us"}
    shared = registry.sources["grid:eu"]
    assert [account.tenant for account in shared.accounts] == ["b", "a"]
    assert shared.tenant is None
    assert shared.feed is Feed.MALWARE_GRID
    assert shared.poll_interval == timedelta(minutes=9)
    assert registry.route("grid:us", WORKSPACE.format(1)) is None


def test_a_tenant_that_opts_out_fetches_its_own_grid() -> None:
    registry = load(
        tenant("a", feeds=["malware_grid"], share_grid=False),
        tenant("b", feeds=["malware_grid"], destinations=[destination(2)]),
    )
    assert set(registry.sources) == {"a/malware_grid", "grid:eu"}
    assert [account.tenant for account in registry.sources["grid:eu"].accounts] == ["b"]
    assert registry.route("a/malware_grid", WORKSPACE.format(2)) is None


def test_without_sharing_each_tenant_fetches_its_own_unless_it_opts_in() -> None:
    registry = load(
        tenant("a", feeds=["malware_grid"]),
        tenant("b", feeds=["malware_grid"], destinations=[destination(2)], share_grid=True),
        share_grid=False,
    )
    assert set(registry.sources) == {"a/malware_grid", "grid:eu"}


def test_the_mssps_own_workspace_is_one_destination_with_both_tenants() -> None:
    own = destination(9)
    registry = load(
        tenant("a", feeds=["malware_customer", "malware_grid"], destinations=[destination(1), own]),
        tenant("b", feeds=["malware_customer", "malware_grid"], destinations=[own]),
    )
    assert registry.destinations[WORKSPACE.format(9)].tenants == ("a", "b")
    assert {(route.source, route.tenant) for route in registry.routes_to(WORKSPACE.format(9))} == {
        ("a/malware_customer", "a"),
        ("grid:eu", "a"),
        ("b/malware_customer", "b"),
    }
    assert registry.route("b/malware_customer", WORKSPACE.format(1)) is None


def test_a_workspace_is_the_same_in_whatever_case_it_is_written() -> None:
    id = "ABCDEFAB-0000-0000-0000-000000000001"
    registry = load(
        tenant("a", destinations=[destination(workspace_id=id)]),
        tenant("b", destinations=[destination(workspace_id=id.lower())]),
    )
    assert list(registry.destinations) == [id.lower()]


def test_every_way_to_prove_who_the_publisher_is_loads() -> None:
    app = {"azure_tenant_id": AZURE_TENANT, "client_id": "env:APP"}
    registry = load(
        tenant(
            destinations=[
                destination(1, auth="client_secret", client_secret="keyvault:app", **app),
                destination(2, auth="certificate", certificate="file:app.pem", **app),
                destination(3, auth="managed_identity", client_id=AZURE_TENANT),
                destination(4, auth="workload_identity", **app),
                destination(5, auth="federated_identity", identity_client_id="env:AZURE_CLIENT_ID", **app),
            ]
        )
    )
    auths = [registry.destinations[WORKSPACE.format(number)] for number in range(1, 6)]
    assert [each.auth for each in auths] == list(SentinelAuth)
    assert auths[0].client_secret == SecretReference(scheme=Scheme.KEYVAULT, name="app")
    assert auths[1].certificate == SecretReference(scheme=Scheme.FILE, name="app.pem")
    assert auths[2].client_id == AZURE_TENANT
    assert auths[4].identity_client_id == SecretReference(scheme=Scheme.ENV, name="AZURE_CLIENT_ID")
    assert set(auths[4].secrets) == {"client_id", "identity_client_id"}


def test_a_sovereign_workspace_gets_its_clouds_authority_and_scope() -> None:
    registry = load(tenant(destinations=[destination(endpoint="https://api.ti.sentinel.azure.us/")]))
    workspace = registry.destinations[WORKSPACE.format(1)]
    assert workspace.endpoint == "https://api.ti.sentinel.azure.us"
    assert workspace.authority == "https://login.microsoftonline.us"
    assert workspace.token_scope == "https://management.usgovcloudapi.net/.default"


@pytest.mark.parametrize(
    ("endpoint", "scope"),
    [
        ("https://api.ti.sentinel.azure.com", "api://AzureADTokenExchange/.default"),
        ("https://api.ti.sentinel.azure.us", "api://AzureADTokenExchangeUSGov/.default"),
        ("https://api.ti.sentinel.azure.cn", "api://AzureADTokenExchangeChina/.default"),
    ],
)
def test_a_trusted_identity_is_exchanged_in_the_cloud_of_the_workspace(endpoint: str, scope: str) -> None:
    registry = load(tenant(destinations=[destination(endpoint=endpoint)]))
    assert registry.destinations[WORKSPACE.format(1)].exchange_scope == scope


def test_simulators_on_this_machine_are_accepted_when_they_are_meant() -> None:
    here = "http://127.0.0.1:8080"
    registry = load(
        tenant(mimecast=mimecast_v1(base_url=f"{here}/"), destinations=[destination(endpoint=here, authority=here)]),
        loopback=True,
    )
    assert registry.sources["contoso/malware_customer"].accounts[0].base_url == here
    assert registry.destinations[WORKSPACE.format(1)].authority == here
