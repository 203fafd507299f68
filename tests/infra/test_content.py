"""The content for the analyst as the compiler expands it: all that is written, in a workspace that is there."""

import json
import re
from typing import Any
from uuid import UUID

import pytest
import yaml

from infra.sentinel.content import hunts, rules
from infra.sentinel.workbooks import books
from tests.infra.compiler import INFRA, SUBSCRIPTION, Compiler, needs_compiler
from tests.infra.expressions import Deployment

pytestmark = [needs_compiler, pytest.mark.xdist_group("bicep")]

SENTINEL = INFRA / "sentinel"
WORKSPACE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/mti/providers/Microsoft.OperationalInsights/workspaces/contoso"
)
SAVED = "Microsoft.OperationalInsights/workspaces/savedSearches"
SPAN = r"P(\d+D|T\d+[HM])"

Resources = list[dict[str, Any]]


def expanded(compiler: Compiler, name: str, **parameters: object) -> Resources:
    given = {"workspaceName": "contoso", **parameters}
    text = "\n".join(f"param {key} = {json.dumps(value).replace(chr(34), chr(39))}" for key, value in given.items())
    snapshot = compiler.snapshot(compiler.written(name, text, "content"))
    found: Resources = Deployment().worked_out(snapshot["predictedResources"])
    return found


@pytest.fixture(scope="module")
def content(compiler: Compiler) -> Resources:
    """Returns what is deployed when nothing but the workspace is said."""
    return expanded(compiler, "content")


def of(resources: Resources, kind: str) -> Resources:
    return [each for each in resources if each["type"] == kind]


def alert_rules(resources: Resources) -> Resources:
    return of(resources, "Microsoft.SecurityInsights/alertRules")


def searches(resources: Resources, category: str) -> Resources:
    return [each for each in of(resources, SAVED) if each["properties"]["category"] == category]


def workbooks(resources: Resources) -> Resources:
    return of(resources, "Microsoft.Insights/workbooks")


def test_the_workspace_is_there_and_is_not_declared(content: Resources) -> None:
    kinds = {each["type"] for each in content}
    assert kinds == {"Microsoft.SecurityInsights/alertRules", SAVED, "Microsoft.Insights/workbooks"}
    for each in (*alert_rules(content), *of(content, SAVED)):
        assert each["id"].startswith(f"{WORKSPACE}/"), each["id"]
    for each in workbooks(content):
        assert each["properties"]["sourceId"] == WORKSPACE
        assert each["location"] == "westeurope"


def test_every_rule_that_is_written_is_deployed_and_no_other(content: Resources) -> None:
    written = {path.stem: yaml.safe_load(path.read_text()) for path in (SENTINEL / "rules").glob("*.yaml")}
    found = {each["properties"]["displayName"]: each for each in alert_rules(content)}
    assert found.keys() == {rule["name"] for rule in written.values()}
    assert len(found) == len(written)
    for name, rule in rules().items():
        properties = found[rule.name]["properties"]
        assert found[rule.name]["id"].endswith(f"/Microsoft.SecurityInsights/alertRules/{rule.id}")
        assert properties["query"] == rule.compiled
        assert properties["enabled"] is rule.enabled, name
        assert properties["severity"] == rule.severity
        assert re.fullmatch(SPAN, properties["queryFrequency"])
        assert re.fullmatch(SPAN, properties["queryPeriod"])
        assert {each["entityType"] for each in properties["entityMappings"] or []} == set(rule.entities)


def test_every_hunt_and_the_parser_are_deployed_and_no_others(content: Resources) -> None:
    written = {path.stem for path in (SENTINEL / "hunting").glob("*.yaml")}
    found = searches(content, "Hunting Queries")
    assert len(found) == len(written) == len(hunts())
    assert {each["properties"]["query"] for each in found} == {hunt.compiled for hunt in hunts().values()}
    for each in found:
        tags = {tag["name"]: tag["value"] for tag in each["properties"]["tags"]}
        assert all(tags[name].strip() for name in ("description", "tactics", "techniques")), each["name"]
    (parser,) = searches(content, "Microsoft Sentinel Parser")
    (file,) = (SENTINEL / "solution" / "Parsers").glob("*.yaml")
    assert parser["properties"]["functionAlias"] == yaml.safe_load(file.read_text())["FunctionAlias"]
    assert len(found) + 1 == len(of(content, SAVED))


def test_every_workbook_is_deployed_and_no_other(content: Resources) -> None:
    written = {path.stem for path in (SENTINEL / "workbooks").glob("*.yaml")}
    found = {each["properties"]["displayName"]: each["properties"] for each in workbooks(content)}
    assert len(found) == len(written)
    for book in books().values():
        data = re.sub(
            r'("templateId": )"/subscriptions/[^"]+"',
            r'\1"sentinel-MimecastInvestigation"',
            found[book.name]["serializedData"],
        )
        assert json.loads(data) == book.laid_out().to_json()
        assert found[book.name]["category"] == "sentinel"


def test_a_link_to_another_workbook_leads_to_the_one_that_is_deployed(content: Resources) -> None:
    named = {
        id
        for each in workbooks(content)
        for id in re.findall(r'"templateId": "([^"]+)"', each["properties"]["serializedData"])
    }
    there = {each["properties"]["displayName"]: each["id"] for each in workbooks(content)}
    assert named == {there["Mimecast threat intelligence - Investigation"]}


def test_names_are_ids_that_are_the_same_each_time_and_no_two_are(compiler: Compiler, content: Resources) -> None:
    again = expanded(compiler, "content-again")
    assert [each["id"] for each in again] == [each["id"] for each in content]
    assert len({each["id"] for each in content}) == len(content)
    for each in content:
        UUID(each["name"].rpartition("/")[2])


def test_all_of_it_asks_for_the_source_system_of_the_tenants_file(compiler: Compiler) -> None:
    chosen = expanded(compiler, "content-chosen", sourceSystem="Contoso TI")
    queries = [each["properties"]["query"] for each in (*alert_rules(chosen), *of(chosen, SAVED))]
    assert [query for query in queries if "OurSource = 'Mimecast'" in query] == []
    asking = [query for query in queries if "OurSource = 'Contoso TI'" in query]
    assert len(asking) >= len(rules()), "each that reads indicators names their source"
    for book in workbooks(chosen):
        data = book["properties"]["serializedData"]
        assert '"value": "Mimecast"' not in data
        json.loads(data)


def test_rules_may_be_deployed_without_running(compiler: Compiler) -> None:
    asleep = alert_rules(expanded(compiler, "content-asleep", enableRules=False))
    assert {each["properties"]["enabled"] for each in asleep} == {False}
    assert len(asleep) == len(rules())
