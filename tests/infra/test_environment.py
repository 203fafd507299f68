"""What the templates put into a host's environment is what the code reads: all that it needs and nothing else."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mti.common.adapters.secrets import ReferenceResolver
from mti.common.registry.described_values import with_described_values
from mti.common.registry.document import parse_document
from mti.common.registry.load import registry_from
from mti.common.settings import BusSettings, Settings, StoreSettings, TenantsSettings
from mti.common.store_targets import CosmosTarget
from mti.deployment.settings import DeploymentSettings
from mti.fetcher.configuration import FetcherSettings
from mti.normalizer.configuration import NormalizerSettings
from mti.publisher.configuration import PublisherSettings
from tests.infra.compiler import IMAGE, INFRA, Compiler, needs_compiler
from tests.infra.deployed import Deployed

pytestmark = [needs_compiler, pytest.mark.xdist_group("bicep")]

Expand = Callable[[str], Deployed]

WAYS = sorted(path.stem for path in (INFRA / "bicep" / "parameters").glob("*.bicepparam"))
WORKSPACE = "55555555-5555-5555-5555-555555555555"
READ: dict[str, type[Settings]] = {
    "fetcher": FetcherSettings,
    "normalizer": NormalizerSettings,
    "publisher": PublisherSettings,
}
OF_LIBRARIES = {
    "AZURE_CLIENT_ID",  # azure-identity: which of the identities of the host
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",  # Azure Monitor's exporter, and the host
}
OF_THE_HOST = {
    f"{connection}__{part}"
    for connection, first in (("AzureWebJobsStorage", "accountName"), ("ServiceBus", "fullyQualifiedNamespace"))
    for part in (first, "credential", "clientId")
}
"""https://learn.microsoft.com/azure/azure-functions/functions-reference#common-properties-for-identity-based-connections"""


def read_by(settings: type[Settings]) -> set[str]:
    return {str(field.validation_alias or f"MTI_{name.upper()}") for name, field in settings.model_fields.items()}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("service", READ)
def test_every_setting_is_one_that_is_read(deployed: Expand, way: str, service: str) -> None:
    environment = deployed(way).settings()[service]
    named = set(re.findall(r"env:(\w+)", environment.get("MTI_TENANTS_TEXT", "")))
    allowed = read_by(READ[service]) | OF_LIBRARIES | named
    if deployed(way).of("Microsoft.Web/sites"):
        allowed |= OF_THE_HOST | (read_by(DeploymentSettings) if service == "publisher" else set())
        assert environment.keys() >= OF_THE_HOST
    assert set(environment) - allowed == set()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("service", READ)
def test_the_service_starts_with_them(
    deployed: Expand, way: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own settings read them, and refuse what they would refuse on Azure."""
    environment = deployed(way).settings()[service]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = READ[service].from_environment()
    assert isinstance(settings, StoreSettings)
    assert isinstance(settings, BusSettings)
    assert isinstance(settings.target, CosmosTarget)
    assert settings.target.database == service
    bus = deployed(way).one("Microsoft.ServiceBus/namespaces")["name"]
    assert str(settings.servicebus_namespace).partition(".")[0] == bus
    if way == "us-government":
        assert str(settings.servicebus_namespace).endswith(".servicebus.usgovcloudapi.net")
        assert settings.target.endpoint.endswith(".documents.azure.us")


@pytest.mark.parametrize("way", WAYS)
def test_the_tenant_of_the_form_is_one_that_the_code_takes(deployed: Expand, way: str) -> None:
    environments = deployed(way).settings()
    texts = {each.get("MTI_TENANTS_TEXT") for each in environments.values()}
    (text,) = texts
    if text is None:
        assert all(each["MTI_TENANTS_STORE"].endswith("/tenants") for each in environments.values())
        return
    document = parse_document(text.encode(), way)
    registry = registry_from(document.data, allow_loopback=False)
    assert len(registry.destinations) == 1
    assert {source.partition("/")[0] for source in registry.sources} & {"grid:eu", "grid:us"}
    who_reads = {"MIMECAST": "fetcher", "ACTIVE_DIRECTORY": "publisher", "AZURE_CLIENT": "publisher"}
    for name in re.findall(r"env:(\w+)", text):
        (service,) = [service for start, service in who_reads.items() if name.startswith(start)]
        assert environments[service].get(name), f"{name} is not set for the {service}"


@pytest.mark.parametrize("hosting", ["functions", "containerApps"])
async def test_the_base_url_and_the_workspace_may_be_references_that_each_service_and_the_operator_reads(
    compiler: Compiler, hosting: str
) -> None:
    base, workspace = (f"@Microsoft.KeyVault(SecretUri=https://own.vault.azure.net/secrets/{name})" for name in "bw")
    form = (compiler.infra / "bicep" / "parameters" / "form.bicepparam").read_text()
    text = re.sub(r"(param mimecastBaseURL =) .*", rf"\1 '{base}'", form.partition("using '../main.bicep'")[2])
    text = re.sub(r"(param workspaceId =) .*", rf"\1 '{workspace}'", text)
    text += f"param hosting = '{hosting}'\nparam image = '{IMAGE}'\n"
    snapshot = compiler.snapshot(compiler.written(f"references-{hosting}", text))
    found = Deployed(snapshot, Deployed.plain(snapshot))
    for environment in (*found.settings().values(), found.outputs["operatorSettings"]):
        assert (environment["TENANT_BASE_URL"], environment["TENANT_WORKSPACE_ID"]) == (base, workspace)
        values = {**environment, "TENANT_BASE_URL": "https://eu-api.mimecast.com", "TENANT_WORKSPACE_ID": WORKSPACE}
        resolver = ReferenceResolver(environ=values, on_value=lambda _: None)
        described = await with_described_values(environment["MTI_TENANTS_TEXT"], "it", resolver, allow_loopback=False)
        registry = registry_from(json.loads(described), allow_loopback=False)
        assert list(registry.destinations) == [WORKSPACE]
        assert {source.region for source in registry.sources.values()} == {"eu"}


@pytest.mark.parametrize("way", WAYS)
def test_a_credential_reaches_the_service_that_needs_it_alone(deployed: Expand, way: str) -> None:
    environments = deployed(way).settings()
    for service, environment in environments.items():
        assert service == "fetcher" or not any(name.startswith("MIMECAST") for name in environment)
        assert service == "publisher" or not any(name.startswith("ACTIVE_DIRECTORY") for name in environment)


@pytest.mark.parametrize("way", WAYS)
def test_an_operator_is_told_what_the_command_needs(
    deployed: Expand, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = deployed(way).outputs["operatorSettings"]
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert BusSettings.from_environment().servicebus_namespace == said["MTI_SERVICEBUS_NAMESPACE"]
    assert TenantsSettings.from_environment().keyvault_url == said["MTI_KEYVAULT_URL"]
    assert "{service}" in said["MTI_STORES"]
    assert Path(said["MTI_STORES"]).name == "{service}"
