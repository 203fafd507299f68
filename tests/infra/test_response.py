"""What the template of the response deploys: playbooks as they were run, the least rights, and rules for ours alone."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from infra.sentinel.content import rules
from infra.sentinel.playbooks import playbooks
from tests.infra.compiler import INFRA, SUBSCRIPTION, Compiler, needs_compiler
from tests.infra.expressions import Deployment

pytestmark = [needs_compiler, pytest.mark.xdist_group("bicep")]

WAYS = sorted(path.stem for path in (INFRA / "bicep" / "parameters" / "response").glob("*.bicepparam"))
ROLES = {
    "3e150937-b8fe-4cfb-8069-0eaf05ecd056": "Sentinel responder",
    "4633458b-17de-408a-b874-0445c86b69e6": "secrets user",
    "f4c81013-99ee-4d62-a7ee-b3f1f648599a": "Sentinel automation contributor",
}
RESPONDER = ("Sentinel responder", "workspaces/contoso")
SECRET = "vaults/kv-mti/secrets/"
SENTINEL = "88888888-8888-8888-8888-888888888888"
OF = {
    "mti-remediate-in-mailboxes": "remediate-in-mailboxes",
    "mti-block-in-defender": "block-in-defender",
    "mti-withdraw-false-positive": "withdraw-false-positive",
    "mti-offer-withdrawal": "withdraw-false-positive",
}
"""The playbook that each workflow is."""

Resources = list[dict[str, Any]]
Expand = Callable[[str], Resources]


@pytest.fixture(scope="module")
def deployed(compiler: Compiler) -> Expand:
    expanded: dict[str, Resources] = {}

    def expand(way: str) -> Resources:
        if way not in expanded:
            path = compiler.infra / "bicep" / "parameters" / "response" / f"{way}.bicepparam"
            expanded[way] = compiler.snapshot(path)["predictedResources"]
        return expanded[way]

    return expand


def of(resources: Resources, kind: str) -> Resources:
    return [each for each in resources if each["type"] == kind]


def workflows(resources: Resources) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in of(resources, "Microsoft.Logic/workflows")}


def values(workflow: dict[str, Any]) -> dict[str, Any]:
    manager = {"environment": lambda: {"resourceManager": "https://management.azure.com/"}}
    deployment = Deployment(variables={"manager": "https://management.azure.com/"})
    deployment._functions |= {
        **manager,
        "endsWith": lambda text, end: text.endswith(end),
        "take": lambda text, count: text[:count],
        "sub": lambda one, other: one - other,
        "length": len,
    }
    found: dict[str, Any] = deployment.worked_out(workflow["properties"]["parameters"])
    return {name: each["value"] for name, each in found.items()}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_deployed_is_what_was_run(deployed: Expand, way: str) -> None:
    for name, found in workflows(deployed(way)).items():
        definition = playbooks()[OF[name]].definition()
        assert found["properties"]["definition"] == definition
        assert found["properties"]["parameters"].keys() == definition["parameters"].keys()
        assert found["identity"] == {"type": "SystemAssigned"}
        assert values(found)["ResourceManager"] == "https://management.azure.com"


def test_which_playbooks_there_are_follows_from_what_was_given(deployed: Expand) -> None:
    assert set(workflows(deployed("function-apps"))) == set(OF)
    assert set(workflows(deployed("container-apps"))) == set(OF) - {"mti-remediate-in-mailboxes"}


def test_withdrawing_and_offering_to_differ_in_a_switch_alone(deployed: Expand) -> None:
    found = workflows(deployed("function-apps"))
    offer, withdraw = (values(found[f"mti-{name}"]) for name in ("offer-withdrawal", "withdraw-false-positive"))
    assert (offer.pop("DryRun"), withdraw.pop("DryRun")) == (True, False)
    offer.pop("$connections")
    withdraw.pop("$connections")
    assert offer == withdraw
    assert offer["Withdrawals"] == "https://func-mti-publisher.azurewebsites.net/api/withdrawals"


def test_beside_container_apps_the_comment_has_the_command(deployed: Expand) -> None:
    found = values(workflows(deployed("container-apps"))["mti-withdraw-false-positive"])
    assert (found["Withdrawals"], found["Vault"]) == ("", "")
    assert found["LogAnalytics"] == "https://api.loganalytics.us"


def test_every_identity_may_do_what_its_playbook_does_and_nothing_else(deployed: Expand) -> None:
    found: dict[str, set[tuple[str, str]]] = {}
    for each in of(deployed("function-apps"), "Microsoft.Authorization/roleAssignments"):
        properties = each["properties"]
        scope = each["id"].partition("/providers/Microsoft.Authorization/")[0].rpartition("/providers/Microsoft.")[2]
        who = next((name for name in OF if name in properties["principalId"]), properties["principalId"])
        role = ROLES[properties["roleDefinitionId"].rpartition("/")[2]]
        found.setdefault(who, set()).add((role, scope.partition("/")[2] if "/" in scope else scope))
    assert found.pop(SENTINEL) == {
        ("Sentinel automation contributor", f"subscriptions/{SUBSCRIPTION}/resourceGroups/mti")
    }
    assert found == {
        "mti-remediate-in-mailboxes": {RESPONDER, ("secrets user", f"{SECRET}mimecast-client-secret")},
        "mti-block-in-defender": {RESPONDER},
        "mti-offer-withdrawal": {RESPONDER, ("secrets user", f"{SECRET}withdraw-key")},
        "mti-withdraw-false-positive": {RESPONDER, ("secrets user", f"{SECRET}withdraw-key")},
    }


@pytest.mark.parametrize("way", WAYS)
def test_only_incidents_of_our_rules_start_a_playbook(deployed: Expand, way: str) -> None:
    ours = {str(rule.id) for rule in rules().values() if "FileHash" in rule.entities}
    found = of(deployed(way), "Microsoft.SecurityInsights/automationRules")
    assert found
    for each in found:
        about = {
            condition["conditionProperties"]["propertyName"]: condition["conditionProperties"]["propertyValues"]
            for condition in each["properties"]["triggeringLogic"]["conditions"]
        }
        assert {id.rpartition("/")[2] for id in about["IncidentRelatedAnalyticRuleIds"]} == ours


def test_what_starts_by_itself_was_asked_for(deployed: Expand) -> None:
    def started(way: str) -> dict[str, str]:
        found = {}
        for each in of(deployed(way), "Microsoft.SecurityInsights/automationRules"):
            (action,) = each["properties"]["actions"]
            logic = each["properties"]["triggeringLogic"]
            name = next(name for name in OF if name in action["actionConfiguration"]["logicAppResourceId"])
            found[name] = logic["triggersWhen"]
        return found

    assert started("container-apps") == {"mti-offer-withdrawal": "Updated"}, "nothing else, unless it is said"
    assert started("function-apps") == {
        "mti-remediate-in-mailboxes": "Created",
        "mti-block-in-defender": "Created",
        "mti-withdraw-false-positive": "Updated",
    }


@pytest.mark.parametrize("way", WAYS)
def test_neither_the_workspace_nor_the_vault_is_declared_and_no_secret_is_there(deployed: Expand, way: str) -> None:
    kinds = {each["type"] for each in deployed(way)}
    assert kinds <= {
        *("Microsoft.Authorization/roleAssignments", "Microsoft.Logic/workflows", "Microsoft.Web/connections"),
        "Microsoft.SecurityInsights/automationRules",
    }
    text = json.dumps(deployed(way))
    assert "listKeys" not in text
    assert "securestring" not in (INFRA / "bicep" / "playbooks.bicep").read_text().lower()
