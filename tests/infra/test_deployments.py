"""What each way to deploy would create, as the compiler predicts it."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from infra import generate
from mti.common.adapters.cosmos.containers import CONTAINERS
from mti.common.health_settings import HealthSettings, TcpAddress
from tests.infra.compiler import DIRECTORY, FORMER, IMAGE, INFRA, Compiler, needs_compiler
from tests.infra.deployed import Deployed

pytestmark = [needs_compiler, pytest.mark.xdist_group("bicep")]

Expand = Callable[[str], Deployed]

WAYS = sorted(path.stem for path in (INFRA / "bicep" / "parameters").glob("*.bicepparam"))
SERVICES = ["fetcher", "normalizer", "publisher"]


def test_there_is_a_file_for_each_way() -> None:
    assert {"form", "mssp-standard", "mssp-premium-private", "container-apps", "us-government"} <= set(WAYS)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_but_the_workspace_s_own_roles_touches_the_workspace(deployed: Expand, way: str) -> None:
    resources = deployed(way).resources
    assert [each["type"] for each in resources if each["type"].startswith("Microsoft.OperationalInsights")] == []
    touching = {each["type"] for each in resources if "/Microsoft.OperationalInsights/" in each["id"]}
    assert touching <= {"Microsoft.Authorization/roleAssignments"}


@pytest.mark.parametrize("way", WAYS)
def test_every_entity_and_rule_is_the_namespace_s(deployed: Expand, way: str) -> None:
    found = deployed(way)
    topology = generate.topology()
    sizes = {"maxSizeInMegabytes": 5120}
    prefix = found.one("Microsoft.ServiceBus/namespaces")["name"]

    def entities(kind: str) -> dict[str, Any]:
        resources = found.of(f"Microsoft.ServiceBus/namespaces/{kind}")
        return {each["name"].removeprefix(f"{prefix}/"): each["properties"] for each in resources}

    assert entities("queues") == {each["name"]: each["properties"] | sizes for each in topology["queues"]}
    assert entities("topics") == {each["name"]: each["properties"] | sizes for each in topology["topics"]}
    subscriptions: dict[str, Any] = {}
    rules: dict[str, Any] = {}
    for topic in topology["topics"]:
        for each in topic["subscriptions"]:
            path = f"{topic['name']}/{each['name']}"
            subscriptions[path] = each["properties"]
            rules |= {f"{path}/{rule['name']}": rule["properties"] for rule in each["rules"]}
    assert {path for path in rules if path.endswith("/$Default")} == {f"{path}/$Default" for path in subscriptions}
    assert entities("topics/subscriptions") == subscriptions
    assert entities("topics/subscriptions/rules") == rules


@pytest.mark.parametrize("way", WAYS)
def test_every_container_is_the_code_s(deployed: Expand, way: str) -> None:
    found = deployed(way)
    containers = found.of("Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers")
    made = {tuple(each["name"].split("/")[1:]): each["properties"]["resource"] for each in containers}
    assert set(made) == {(service, name) for service, names in generate.STORES.items() for name in names}
    for (_, name), resource in made.items():
        properties = CONTAINERS[name]
        assert resource["partitionKey"]["paths"] == [properties.partition_key_path]
        assert resource["defaultTtl"] == properties.default_ttl
        assert resource["indexingPolicy"] == properties.index_policy


@pytest.mark.parametrize("way", WAYS)
def test_what_waits_for_a_person_is_told(deployed: Expand, way: str) -> None:
    told = {}
    for alert in deployed(way).of("Microsoft.Insights/metricAlerts"):
        (criterion,) = alert["properties"]["criteria"]["allOf"]
        told[criterion["metricName"], *criterion["dimensions"][0]["values"]] = alert["properties"]["actions"]
    assert set(told) == {
        ("DeadletteredMessages", "*"),
        *(("ActiveMessages", queue) for queue in generate.topology()["aside"]),
    }
    mailed = bool(deployed(way).of("Microsoft.Insights/actionGroups"))
    assert {bool(actions) for actions in told.values()} == {mailed}


@pytest.mark.parametrize("way", WAYS)
def test_every_host_has_its_own_identity_and_no_other(deployed: Expand, way: str) -> None:
    hosts = deployed(way).hosts()
    assert sorted(hosts) == SERVICES
    for service, host in hosts.items():
        assert host["identity"]["type"] == "UserAssigned"
        (identity,) = host["identity"]["userAssignedIdentities"]
        assert f"-{service}-" in identity


BUS = {
    "fetcher": {("bus receiver", "topics/raw-pages/subscriptions/normalizer"), ("bus sender", "queues/fetch-jobs")}
    | {("bus sender", "topics/raw-pages")},
    "normalizer": {("bus sender", "topics/raw-pages"), ("bus sender", "topics/indicators")},
    "publisher": {("bus sender", "topics/indicators")},
}
TRIGGERS = {
    "fetcher": "queues/fetch-jobs",
    "normalizer": "topics/raw-pages/subscriptions/normalizer",
    "publisher": "topics/indicators/subscriptions/publisher",
}


@pytest.mark.parametrize("way", WAYS)
def test_every_identity_may_do_what_its_service_does_and_nothing_else(deployed: Expand, way: str) -> None:
    found = deployed(way)
    roles = found.roles()
    on_functions = bool(found.of("Microsoft.Web/sites"))
    pulls = bool(found.of("Microsoft.ContainerRegistry/registries"))
    sentinel = way in {"container-apps", "us-government"}  # where no app registration uploads
    trigger = "bus receiver" if way == "functions-private" else "bus owner"
    for service in SERVICES:
        expected = BUS[service] | {("bus sender", f"queues/{queue}") for queue in generate.topology()["aside"]}
        expected |= {
            (trigger, TRIGGERS[service]),
            ("store contributor", service),
            ("store reader", "tenants"),
            ("metrics publisher", "components"),
        }
        if service != "normalizer":
            expected |= {("secrets user", "vaults")}
        if on_functions:
            expected |= {("blob owner", "storageAccounts")}
            expected |= {("bus receiver", f"queues/{queue}") for queue in generate.topology()["aside"]}
        if pulls:
            expected |= {("image puller", "registries")}
        if sentinel and service == "publisher":
            expected |= {("Sentinel contributor", "workspaces")}
        if way == "functions-private" and service == "publisher":  # which takes withdrawals
            expected |= {("store contributor", "normalizer/colls/known")}
            expected |= {("store reader", "normalizer/colls/checkpoints")}
        assert roles.pop(service) == expected, service
    operators = {("bus owner", "namespaces"), ("store contributor", "all stores"), ("secrets officer", "vaults")}
    assert list(roles.values()) in ([], [operators])


@pytest.mark.parametrize("way", WAYS)
def test_an_app_is_told_of_another_s_store_only_where_it_takes_withdrawals(deployed: Expand, way: str) -> None:
    told = {
        (service, name): value.rpartition("/")[2]
        for service, found in deployed(way).settings().items()
        for name, value in found.items()
        if re.fullmatch(r"MTI_(FETCHER|NORMALIZER|PUBLISHER)_STORES?|MTI_STORES", name)
    }
    expected = {("publisher", f"MTI_{name.upper()}_STORE"): name for name in ("normalizer", "publisher")}
    assert told == (expected if way == "functions-private" else {})


@pytest.mark.parametrize("way", WAYS)
def test_no_key_opens_anything(deployed: Expand, way: str) -> None:
    found = deployed(way)
    assert found.one("Microsoft.ServiceBus/namespaces")["properties"]["disableLocalAuth"] is True
    assert found.one("Microsoft.DocumentDB/databaseAccounts")["properties"]["disableLocalAuth"] is True
    assert found.one("Microsoft.Insights/components")["properties"]["DisableLocalAuth"] is True
    assert found.one("Microsoft.KeyVault/vaults")["properties"]["enableRbacAuthorization"] is True
    for account in found.of("Microsoft.Storage/storageAccounts"):
        assert account["properties"]["allowSharedKeyAccess"] is False
    for registry in found.of("Microsoft.ContainerRegistry/registries"):
        assert registry["properties"]["adminUserEnabled"] is False
    text = json.dumps(found.raw)
    assert re.findall(r"SharedAccessKey|AccountKey|listKeys|listConnectionStrings|\.primaryKey", text) == []


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_is_in_the_vault_and_nowhere_else(deployed: Expand, way: str) -> None:
    """Every secret's value is "value of …" here: it may turn up as the value of a secret of the vault alone."""
    for each in deployed(way).resources:
        if each["type"] != "Microsoft.KeyVault/vaults/secrets":
            assert "value of " not in json.dumps(each), each["name"]
    assert "value of " not in json.dumps(deployed(way).outputs)


def test_a_reference_to_a_vault_is_passed_on_and_any_other_value_is_kept(deployed: Expand) -> None:
    raw = deployed("form").raw
    reference = "@Microsoft.KeyVault(SecretUri=https://own.vault.azure.net/secrets/mimecast)"
    given = {"mimecastPassword": reference, "activeDirectoryAppSecret": reference, "mimecastClientSecret": ""}
    found = Deployed(raw, Deployed.plain(raw, **given))
    kept = {each["name"].split("/")[1]: each["properties"] for each in found.of("Microsoft.KeyVault/vaults/secrets")}
    assert kept == {
        "mimecast-app-key": {"value": "value of mimecastAppKey"},
        "mimecast-access-key": {"value": "value of mimecastAccessKey"},
        "mimecast-secret-key": {"value": "value of mimecastSecretKey"},
    }
    settings = found.settings()
    vault = found.outputs["operatorSettings"]["MTI_KEYVAULT_URL"]
    assert settings["fetcher"]["MIMECAST_PASSWORD"] == reference
    assert settings["publisher"]["ACTIVE_DIRECTORY_APP_SECRET"] == reference
    assert settings["fetcher"]["MIMECAST_APP_KEY"] == f"@Microsoft.KeyVault(SecretUri={vault}/secrets/mimecast-app-key)"


def test_the_variable_that_a_secret_s_address_begins_with_is_what_the_tests_take_it_for() -> None:
    variables = json.loads((INFRA / "azuredeploy.json").read_text())["variables"]
    assert variables["isReference"] == "@Microsoft.KeyVault("
    assert variables["vaultSecret"] == (
        "[format('{0}SecretUri={1}/secrets/', variables('isReference'), variables('vaultUrl'))]"
    )


def test_the_form_takes_the_former_connector_s_parameters_and_uses_each(compiler: Compiler, deployed: Expand) -> None:
    written = (compiler.infra / "bicep" / "parameters" / "form.bicepparam").read_text()
    assert set(re.findall(r"^param (\w+)", written, re.MULTILINE)) == FORMER
    found = deployed("form")
    settings = found.settings()
    tenant = json.loads(settings["fetcher"]["MTI_TENANTS_TEXT"])["tenants"][0]
    assert found.one("Microsoft.Insights/components")["location"] == "westeurope"
    assert found.one("Microsoft.Insights/components")["properties"]["WorkspaceResourceId"].endswith("/contoso")
    assert found.hosts()["fetcher"]["name"].startswith("func-mimecastti-")
    assert "22222222-2222-2222-2222-222222222222" in found.roles()
    assert settings["fetcher"]["MIMECAST_EMAIL"] == "connector@contoso.example"
    assert settings["fetcher"]["MIMECAST_APP_ID"] == "33333333-3333-3333-3333-333333333333"
    assert settings["publisher"]["ACTIVE_DIRECTORY_APP_ID"] == "44444444-4444-4444-4444-444444444444"
    assert tenant["mimecast"]["base_url"] == "https://eu-api.mimecast.com"
    assert tenant["mimecast"]["region"] == "eu"
    assert tenant["destinations"][0]["workspace_id"] == "55555555-5555-5555-5555-555555555555"
    assert tenant["destinations"][0]["azure_tenant_id"] == DIRECTORY
    assert len(found.of("Microsoft.KeyVault/vaults/secrets")) == 6
    assert found.outputs["notes"] == []
    noted = Deployed(found.raw, Deployed.plain(found.raw, workspaceKey="key"))
    assert "workspaceKey was given and is neither used nor kept" in noted.outputs["notes"][0]
    assert "value of workspaceKey" not in json.dumps(noted.resources)


def test_packages_come_pinned_after_all_that_they_need(deployed: Expand) -> None:
    release = json.loads((INFRA / "release.json").read_text())
    found = deployed("form")
    uris = {each["properties"]["packageUri"] for each in found.of("Microsoft.Web/sites/extensions")}
    assert uris == {f"{release['address']}/{service}.zip" for service in SERVICES}
    (apps,) = [
        each
        for each in json.loads((INFRA / "azuredeploy.json").read_text())["resources"].values()
        if str(each.get("name", "")).startswith("[format('function-app-")
    ]
    assert {"storage", "busRoles", "cosmos", "vault", "monitoring"} <= set(apps["dependsOn"])


def test_container_apps_run_one_image_and_scale_on_their_own_queue(deployed: Expand) -> None:
    found = deployed("us-government")
    for service, app in found.hosts().items():
        template = app["properties"]["template"]
        (container,) = template["containers"]
        assert (container["image"], container["args"]) == (IMAGE, [f"mti.{service}"])
        assert template["scale"]["minReplicas"] >= 1
        (rule,) = template["scale"]["rules"]
        metadata = rule["custom"]["metadata"]
        assert metadata["cloud"] == "AzureUSGovernmentCloud"
        where = metadata.get("queueName") or f"{metadata['topicName']}/{metadata['subscriptionName']}"
        assert where == {"fetcher": "fetch-jobs", "normalizer": "raw-pages/normalizer"}.get(
            service, "indicators/publisher"
        )
        assert rule["custom"]["identity"] in app["identity"]["userAssignedIdentities"]


def test_container_apps_ask_each_service_whether_it_is_well_where_it_says_so(deployed: Expand) -> None:
    found = deployed("container-apps")
    for service, app in found.hosts().items():
        assert "ingress" not in app["properties"]["configuration"]
        (container,) = app["properties"]["template"]["containers"]
        asked = {probe["type"]: probe["httpGet"] for probe in container["probes"]}
        assert {kind: address["path"] for kind, address in asked.items()} == {
            "Liveness": "/live",
            "Readiness": "/ready",
        }
        said = HealthSettings(health=found.settings()[service]["MTI_HEALTH"]).health_address
        assert isinstance(said, TcpAddress)
        assert said.host == "0.0.0.0"
        assert {address["port"] for address in asked.values()} == {said.port}


def test_the_logs_of_container_apps_go_to_the_workspace(deployed: Expand) -> None:
    properties = deployed("mssp-standard").one("Microsoft.Insights/diagnosticSettings")["properties"]
    assert properties["workspaceId"].endswith("/workspaces/mssp")
    assert {each["category"] for each in properties["logs"]} == {"ContainerAppConsoleLogs", "ContainerAppSystemLogs"}


@pytest.mark.parametrize("way", ["mssp-premium-private", "functions-private"])
def test_what_is_private_is_reached_from_the_network_alone(deployed: Expand, way: str) -> None:
    found = deployed(way)
    kept = [
        *("Microsoft.ServiceBus/namespaces", "Microsoft.DocumentDB/databaseAccounts", "Microsoft.KeyVault/vaults"),
        "Microsoft.Storage/storageAccounts",
    ]
    private = [each for kind in kept for each in found.of(kind)]
    assert {each["properties"]["publicNetworkAccess"] for each in private} == {"Disabled"}
    sites = found.of("Microsoft.Web/sites")
    assert {each["properties"]["publicNetworkAccess"] for each in sites} <= {"Disabled"}
    insights, scope = found.one("Microsoft.Insights/components"), found.one("microsoft.insights/privateLinkScopes")
    assert insights["properties"]["publicNetworkAccessForIngestion"] == "Disabled"
    assert insights["properties"]["publicNetworkAccessForQuery"] == "Enabled"
    linked = found.one("Microsoft.Insights/privateLinkScopes/scopedResources")
    assert linked["id"].lower().startswith(f"{scope['id'].lower()}/")
    assert linked["properties"]["linkedResourceId"] == insights["id"]
    assert scope["properties"]["accessModeSettings"]["ingestionAccessMode"] == "PrivateOnly"
    reached = {
        each["properties"]["privateLinkServiceConnections"][0]["properties"]["privateLinkServiceId"].lower()
        for each in found.of("Microsoft.Network/privateEndpoints")
    }
    assert reached == {each["id"].lower() for each in (*private, *sites, scope)}
    zones = {each["id"] for each in found.of("Microsoft.Network/privateDnsZones")}
    written: set[str] = set()
    for group in found.of("Microsoft.Network/privateEndpoints/privateDnsZoneGroups"):
        configurations = group["properties"]["privateDnsZoneConfigs"]
        written |= {each["properties"]["privateDnsZoneId"] for each in configurations}
        assert len({each["name"] for each in configurations}) == len(configurations)
    assert written <= zones
    for host in found.of("Microsoft.Web/sites"):
        assert host["properties"]["virtualNetworkSubnetId"].endswith("/subnets/hosts")
    for home in found.of("Microsoft.App/managedEnvironments"):
        assert home["properties"]["vnetConfiguration"]["infrastructureSubnetId"].endswith("/subnets/hosts")


@pytest.mark.parametrize("way", sorted(set(WAYS) - {"mssp-premium-private", "functions-private"}))
def test_what_is_not_private_has_no_private_endpoint(deployed: Expand, way: str) -> None:
    found = deployed(way)
    assert found.of("Microsoft.Network/privateEndpoints") == []
    assert found.of("microsoft.insights/privateLinkScopes") == []
    assert {each["properties"]["publicNetworkAccess"] for each in found.of("Microsoft.Web/sites")} <= {"Enabled"}
    insights = found.one("Microsoft.Insights/components")["properties"]
    assert insights["publicNetworkAccessForIngestion"] == "Enabled"


NAMES = {
    "Microsoft.ServiceBus/namespaces": r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{4,48}[a-zA-Z0-9]",
    "Microsoft.DocumentDB/databaseAccounts": r"[a-z0-9](?!.*--)[a-z0-9-]{1,42}[a-z0-9]",
    "Microsoft.KeyVault/vaults": r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]",
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.Web/sites": r"[a-z0-9][a-z0-9-]{0,58}[a-z0-9]",
    "Microsoft.App/containerApps": r"[a-z](?!.*--)[a-z0-9-]{0,30}[a-z0-9]",
    "Microsoft.App/managedEnvironments": r"[a-z](?!.*--)[a-z0-9-]{0,58}[a-z0-9]",
    "Microsoft.ContainerRegistry/registries": r"[a-zA-Z0-9]{5,50}",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}",
    "Microsoft.Insights/components": r"[^%&\\?/]{1,259}[^%&\\?/. ]",
}
"""https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules"""


@pytest.mark.parametrize(
    ("hosting", "name"),
    [
        ("functions", "a"),
        ("functions", "Contoso GmbH & Co. KG, Zürich!"),
        ("functions", "9" * 60),
        ("containerApps", "--"),
        ("containerApps", "default"),
        ("containerApps", "Contoso-Threat-Intelligence"),
    ],
)
def test_every_name_is_valid_whatever_the_deployment_is_called(compiler: Compiler, hosting: str, name: str) -> None:
    given = {"appName": name, "hosting": hosting, "image": IMAGE, "AppInsightsWorkspaceResourceID": ""}
    lines = [f"param {parameter} = '{value}'" for parameter, value in given.items()]
    lines += ["param createRegistry = true", "param cloud = 'AzureCloud'"]
    snapshot = compiler.snapshot(compiler.written("named", "\n".join(lines)))
    checked = set()
    for each in snapshot["predictedResources"]:
        if each["type"] in NAMES:
            assert re.fullmatch(NAMES[each["type"]], each["name"]), (each["type"], each["name"])
            checked.add(each["type"])
    assert len(checked) >= 7
