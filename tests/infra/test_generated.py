"""What the templates load is what the code says, and the address of a release is said once."""

import ast
import json
import re
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote

import pytest

from infra import generate
from mti.common.adapters.cosmos.containers import CONTAINERS
from mti.common.settings import BusSettings
from mti.common.telemetry import instruments

ROOT = Path(__file__).parents[2]
BICEP = ROOT / "infra" / "bicep"


@pytest.mark.parametrize("path", generate.generated(), ids=lambda path: path.name)
def test_what_bicep_loads_is_what_the_code_says(path: Path) -> None:
    assert path.read_text() == generate.generated()[path], "run `make templates`"


@pytest.mark.parametrize("service", ["fetcher", "normalizer", "publisher"])
def test_a_service_has_each_container_that_it_names(service: str) -> None:
    named = set()
    for module in (ROOT / "services" / service / "src").rglob("records/*.py"):
        for node in ast.parse(module.read_text()).body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant):
                named.add(node.value.value)
    named &= set(CONTAINERS)
    assert named == set(generate.STORES[service])


def test_every_entity_of_the_settings_is_in_the_topology() -> None:
    topology = generate.topology()
    paths = {queue["name"] for queue in topology["queues"]}
    for topic in topology["topics"]:
        paths |= {topic["name"], *(subscription["name"] for subscription in topic["subscriptions"])}
    assert set(topology["settings"].values()) <= paths
    names = {name for name, field in BusSettings.model_fields.items() if isinstance(field.default, str)}
    assert set(topology["settings"]) == {f"MTI_{name.upper()}" for name in names}


def test_a_delivery_count_outlives_an_hour_without_a_store() -> None:
    """A host that holds a message for half a minute before it gives it back, and locks that run out by themselves."""
    topology = generate.topology()
    entities = [*topology["queues"], *(each for topic in topology["topics"] for each in topic["subscriptions"])]
    for entity in entities:
        lock = entity["properties"]["lockDuration"]
        minutes = int(re.fullmatch(r"PT(\d)M", lock)[1])  # type: ignore[index]
        assert entity["properties"]["maxDeliveryCount"] > max(3600 / 30, 60 / minutes) * 1.5


def test_the_metrics_that_alerts_ask_for_are_recorded() -> None:
    asked = set(re.findall(r'name == "([a-z._]+)"', (BICEP / "modules" / "alerts.bicep").read_text()))
    recorded = set(re.findall(r'"(mti\.[a-z._]+)"', Path(instruments.__file__).read_text()))
    assert asked
    assert asked <= recorded


def test_the_address_of_a_release_is_pinned_and_public() -> None:
    release = json.loads((ROOT / "infra" / "release.json").read_text())
    assert set(release) == {"version", "address"}
    assert release["version"] == version("mti-common")
    assert release["version"] in release["address"]
    assert re.fullmatch(r"https://[a-z0-9.-]+(/[A-Za-z0-9._-]+)+", release["address"])
    assert not re.search(r"\b(main|master|latest|HEAD)\b", release["address"])


def test_the_button_leads_to_the_template_and_form_of_the_release() -> None:
    release = json.loads((ROOT / "infra" / "release.json").read_text())
    for page in generate.PAGES:
        (found,) = generate.BUTTON.findall(page.read_text())
        template, form = found.split("/uri/")[1].split("/createUIDefinitionUri/")
        assert unquote(template) == f"{release['address']}/azuredeploy.json"
        assert unquote(form) == f"{release['address']}/createUiDefinition.json"


def test_the_page_names_each_way_to_deploy_and_each_field_of_the_form() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text()
    for path in (BICEP / "parameters").glob("*.bicepparam"):
        assert f"`{path.name}`" in page
    form = json.loads((ROOT / "infra" / "createUiDefinition.json").read_text())
    assert {name for name in form["parameters"]["outputs"] if f"`{name}`" not in page} == {"location"}
