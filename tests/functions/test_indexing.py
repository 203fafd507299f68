"""Which functions each app has, and what the platform is told of them. The library says it; no worker is needed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.generate import topology
from mti.common.settings import BusSettings
from mti.common.topology import STANDARD
from mti.functions.fetcher import CALLS
from mti.functions.lease import RENEWED_FOR
from tests.functions.apps import ROOT, SERVICES, bindings_of, folder_of, load

OPERATOR = {"health", "status", "list_dead_letters", "show_dead_letters", "replay_dead_letters"}
OWN = {
    "fetcher": {"schedule": "timerTrigger", "fetch": "serviceBusTrigger"},
    "normalizer": {"normalize": "serviceBusTrigger"},
    "publisher": {"publish": "serviceBusTrigger", "withdraw": "httpTrigger"},
}
SENT = {"fetcher": STANDARD.jobs, "normalizer": STANDARD.pages, "publisher": STANDARD.indicators}


@pytest.fixture(scope="module", params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def triggers(service: str) -> dict[str, dict[str, Any]]:
    return bindings_of(load(service).app)


def host_of(service: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder_of(service) / "host.json").read_text())
    return found


def test_an_app_has_its_own_functions_and_those_of_an_operator(
    service: str, triggers: dict[str, dict[str, Any]]
) -> None:
    assert set(triggers) == OWN[service].keys() | OPERATOR
    assert {name: triggers[name]["type"] for name in OWN[service]} == OWN[service]
    assert {triggers[name]["type"] for name in OPERATOR} == {"httpTrigger"}


def test_the_bus_hands_over_one_message_at_a_time_as_bytes(service: str, triggers: dict[str, dict[str, Any]]) -> None:
    (trigger,) = (found for found in triggers.values() if found["type"] == "serviceBusTrigger")
    assert trigger["cardinality"] == "ONE"
    assert trigger["dataType"] == "BINARY"
    assert trigger.get("isSessionsEnabled", False) is SENT[service].sessions


def test_what_stands_between_percent_signs_is_an_app_setting_of_the_templates(
    service: str, triggers: dict[str, dict[str, Any]]
) -> None:
    (trigger,) = (found for found in triggers.values() if found["type"] == "serviceBusTrigger")
    given = topology()["settings"]
    keys = [trigger.get(name, "") for name in ("queueName", "topicName", "subscriptionName")]
    resolved = [given[found[1]] for key in keys if (found := re.fullmatch("%(.+)%", key))]
    entity = SENT[service]
    assert resolved == [entity.name, *([entity.subscription] if entity.subscription else [])]


def test_what_the_templates_are_given_are_the_settings_that_the_code_reads() -> None:
    assert topology()["settings"].keys() <= {f"MTI_{name.upper()}" for name in BusSettings.model_fields}


def test_the_connection_is_the_one_that_the_template_of_an_app_gives(triggers: dict[str, dict[str, Any]]) -> None:
    template = (ROOT / "infra/bicep/modules/functionApp.bicep").read_text()
    connections = {found["connection"] for found in triggers.values() if found["type"] == "serviceBusTrigger"}
    assert [re.search(rf"\b{name}__fullyQualifiedNamespace:", template) is not None for name in connections] == [True]


def test_only_health_answers_without_a_key(triggers: dict[str, dict[str, Any]]) -> None:
    levels = {name: found["authLevel"] for name, found in triggers.items() if found["type"] == "httpTrigger"}
    assert levels.keys() >= OPERATOR
    assert levels.pop("health") == "ANONYMOUS"
    assert set(levels.values()) == {"FUNCTION"}


def test_a_lock_is_renewed_for_longer_than_a_function_may_take(service: str) -> None:
    host = host_of(service)
    renewed = host["extensions"]["serviceBus"]["maxAutoLockRenewalDuration"]
    assert seconds(renewed) == RENEWED_FOR > seconds(host["functionTimeout"])
    assert host["extensions"]["serviceBus"]["autoCompleteMessages"] is True


def test_the_fetcher_reckons_with_as_many_jobs_at_once_as_the_platform_hands_over() -> None:
    assert host_of("fetcher")["extensions"]["serviceBus"]["maxConcurrentCalls"] == CALLS


def seconds(text: str) -> float:
    hours, minutes, rest = map(float, text.split(":"))
    return hours * 3600 + minutes * 60 + rest


LIGHT = {"pydantic", "opentelemetry", "azure.servicebus", "azure.identity", "azure.cosmos", "aiohttp", "httpx", "yaml"}


def test_an_app_loads_nothing_of_its_service_before_a_message_comes(service: str, tmp_path: Path) -> None:
    code = (
        f"import json, sys; sys.path.insert(0, {str(folder_of(service))!r}); import function_app\n"
        "function_app.app.get_functions(); print(json.dumps(sorted(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    modules = set(json.loads(ran.stdout))
    assert {name for name in LIGHT if name in modules} == set()
    assert {name for name in modules if name.startswith("mti.") and not name.startswith("mti.functions")} == set()
