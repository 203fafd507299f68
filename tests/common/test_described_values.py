"""The base URL and the workspace of a deployment's tenant may be in a vault, and are read when a service starts."""

import json
from pathlib import Path
from typing import Any

import pytest

from mti.common.adapters.identity import Identity
from mti.common.adapters.secrets import KeyVaultSecrets, ReferenceResolver
from mti.common.composition.stores import live_registry
from mti.common.errors import ConfigurationError
from mti.common.registry import Registry
from mti.common.registry.described_values import with_described_values
from mti.common.settings import TenantsSettings
from tests.common.key_vault import VAULT, running_vault
from tests.common.tenants import WORKSPACE, destination, mimecast, mimecast_v1, tenant

BY_REFERENCE = destination(workspace_id="env:TENANT_WORKSPACE_ID")
SECRET = "hunter2-is-no-address"


def nobody() -> Any:
    raise AssertionError("a text in a variable needs no identity")


async def loaded(*tenants: dict[str, Any]) -> Registry:
    settings = TenantsSettings(tenants_text=json.dumps({"tenants": tenants}))
    identity: Identity = nobody
    async with live_registry(settings, identity) as registry:
        return registry.current


async def refused(*tenants: dict[str, Any]) -> str:
    with pytest.raises(ConfigurationError) as fault:
        await loaded(*tenants)
    assert SECRET not in str(fault.value)
    return str(fault.value)


async def test_a_function_app_finds_the_values_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENANT_WORKSPACE_ID", f" {WORKSPACE.format('a').upper()}\n")
    monkeypatch.setenv("TENANT_BASE_URL", "https://DE-api.mimecast.com/")
    account = mimecast_v1(region="", base_url="env:TENANT_BASE_URL")
    found = await loaded(tenant(mimecast=account, destinations=[BY_REFERENCE]))
    assert list(found.destinations) == [WORKSPACE.format("a")]
    (source,) = found.sources.values()
    assert (source.region, source.accounts[0].base_url) == ("de", "https://de-api.mimecast.com")


async def test_a_base_url_of_the_former_form_says_the_region_of_api_2_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENANT_BASE_URL", "https://us-api.mimecast.com")
    found = await loaded(tenant(mimecast=mimecast(region="", base_url="env:TENANT_BASE_URL")))
    (source,) = found.sources.values()
    assert (source.region, source.accounts[0].base_url) == ("us", "https://us-api.services.mimecast.com")


async def test_anybody_else_finds_references_and_reads_the_vault(tmp_path: Path) -> None:
    environ = {
        "TENANT_WORKSPACE_ID": f"@Microsoft.KeyVault(SecretUri={VAULT}/secrets/workspace)",
        "TENANT_BASE_URL": "@Microsoft.KeyVault(VaultName=contoso;SecretName=base)",
    }
    account = mimecast_v1(region="", base_url="env:TENANT_BASE_URL")
    text = json.dumps({"tenants": [tenant(mimecast=account, destinations=[BY_REFERENCE])]})
    async with running_vault(tmp_path) as vault:
        vault.secrets |= {"workspace": WORKSPACE.format(7), "base": "https://eu-api.mimecast.com"}
        source = KeyVaultSecrets(None, credential=vault.credential, transport=vault.transport, retries=0)
        resolver = ReferenceResolver(key_vault=source, environ=environ, on_value=lambda _: None)
        found = json.loads(await with_described_values(text, "it", resolver, allow_loopback=False))["tenants"][0]
        assert found["destinations"][0]["workspace_id"] == WORKSPACE.format(7)
        assert (found["mimecast"]["base_url"], found["mimecast"]["region"]) == ("https://eu-api.mimecast.com", "eu")
        vault.status = 403
        again = ReferenceResolver(key_vault=source, environ=environ, on_value=lambda _: None)
        with pytest.raises(ConfigurationError, match="it: tenant contoso: base_url: "):
            await with_described_values(text, "it", again, allow_loopback=False)


async def test_a_value_that_is_another_one_is_refused_and_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENANT_WORKSPACE_ID", SECRET)
    monkeypatch.setenv("TENANT_BASE_URL", f"https://{SECRET}.example")
    told = await refused(tenant(destinations=[BY_REFERENCE]))
    assert told == (
        "MTI_TENANTS_TEXT: tenant contoso: workspace_id: env:TENANT_WORKSPACE_ID does not hold the GUID of a workspace;"
        " let it hold one"
    )
    told = await refused(tenant(mimecast=mimecast_v1(base_url="env:TENANT_BASE_URL")))
    assert "mimecast.base_url: env:TENANT_BASE_URL does not hold an address of Mimecast" in told


async def test_a_value_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TENANT_WORKSPACE_ID", raising=False)
    assert "workspace_id: env:TENANT_WORKSPACE_ID is not set" in await refused(tenant(destinations=[BY_REFERENCE]))
    monkeypatch.setenv("TENANT_WORKSPACE_ID", f"@Microsoft.KeyVault({SECRET})")
    assert "env:TENANT_WORKSPACE_ID holds what is not a Key Vault" in await refused(tenant(destinations=[BY_REFERENCE]))


async def test_another_regions_address_is_refused_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENANT_BASE_URL", "https://us-api.mimecast.com")
    told = await refused(tenant(mimecast=mimecast_v1(region="eu", base_url="env:TENANT_BASE_URL")))
    assert "is of region 'us', and the account is said to be in 'eu'" in told


async def test_a_text_without_references_is_left_as_it_is() -> None:
    assert list((await loaded(tenant())).destinations) == [WORKSPACE.format(1)]
    assert "is not YAML" in await refused_text("a: [")
    assert "tenants" in await refused_text("tenants: 5")


async def refused_text(text: str) -> str:
    with pytest.raises(ConfigurationError) as fault:
        async with live_registry(TenantsSettings(tenants_text=text), nobody):
            pass
    return str(fault.value)
