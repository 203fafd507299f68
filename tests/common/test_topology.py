"""One topology: what the code, the local namespace and the templates for Azure know of the bus."""

import json
import subprocess
import sys
from dataclasses import fields, replace
from datetime import timedelta
from importlib.resources import files
from typing import Any

import pytest
from pydantic import SecretStr

from mti.common.contracts import FetchJob, IndicatorBatch, PageChunk
from mti.common.settings import BusSettings
from mti.common.topology import HOLD, OUTAGE, STANDARD, Entity, Topology
from mti.common.topology.documents import config, template


def written(*arguments: str) -> Any:
    ran = subprocess.run(
        [sys.executable, "-m", "mti.common.topology", *arguments], capture_output=True, text=True, check=True
    )
    return json.loads(ran.stdout)


def test_the_config_of_the_local_namespace_is_the_topologys() -> None:
    kept = json.loads((files("mti.stack") / "Config.json").read_text())
    assert kept == config(STANDARD), "run `make topology`"


def test_the_module_writes_each_document() -> None:
    assert written() == written("template") == template(STANDARD)
    assert written("config") == config(STANDARD)


def test_microsofts_emulator_is_given_no_delivery_count_that_it_refuses() -> None:
    namespace = written("emulator")["UserConfig"]["Namespaces"][0]
    queues = [*namespace["Queues"], *(found for topic in namespace["Topics"] for found in topic["Subscriptions"])]
    assert [queue["Properties"]["MaxDeliveryCount"] for queue in queues] == [10, 10, 10, 10]


@pytest.mark.parametrize("entity", STANDARD.entities, ids=str)
def test_an_outage_of_an_hour_uses_up_no_delivery_count(entity: Entity) -> None:
    assert timedelta(hours=1) <= OUTAGE < entity.max_delivery_count * HOLD
    assert entity.max_delivery_count <= 2000, "the most that the service takes"
    assert entity.lock > HOLD, "a host holds what it abandons under its lock"
    assert entity.max_delivery_count * entity.lock > OUTAGE, "locks may run out, one after the other, just as well"


@pytest.mark.parametrize("entity", STANDARD.entities, ids=str)
def test_nothing_is_dropped_by_time(entity: Entity) -> None:
    assert entity.time_to_live is None


def test_a_deployment_may_call_its_entities_otherwise() -> None:
    topology = BusSettings(
        servicebus_connection_string=SecretStr("Endpoint=sb://localhost;SharedAccessKeyName=k;SharedAccessKey=v"),
        fetch_jobs_queue="jobs",
        raw_pages_topic="pages",
        raw_pages_subscription="n",
        indicators_topic="iocs",
        indicators_subscription="p",
    ).topology
    assert [entity.path for entity in topology.entities] == ["jobs", "pages/subscriptions/n", "iocs/subscriptions/p"]
    assert [entity.to for entity in topology.entities] == ["*", "n", "p"]
    assert topology.at("pages/subscriptions/n") == topology.pages
    with pytest.raises(KeyError):
        topology.at("raw-pages/subscriptions/normalizer")


def test_each_entity_says_what_it_carries() -> None:
    assert [entity.contract for entity in STANDARD.entities] == [FetchJob, PageChunk, IndicatorBatch]
    assert [entity.sessions for entity in STANDARD.entities] == [False, False, True]


def test_a_template_is_given_rules_for_both_forms_of_to() -> None:
    pages, indicators = template(STANDARD)["topics"]
    assert [(rule["name"], rule["properties"]["correlationFilter"]["to"]) for rule in rules(pages)] == [
        ("$Default", "*"),
        ("aimed", "normalizer"),
    ]
    assert rules(indicators)[1]["properties"]["correlationFilter"] == {"to": "publisher"}


def rules(topic: dict[str, Any]) -> list[dict[str, Any]]:
    (subscription,) = topic["subscriptions"]
    found: list[dict[str, Any]] = subscription["rules"]
    return found


OTHER: dict[str, object] = {
    "name": "other",
    "subscription": "another",
    "contract": IndicatorBatch,
    "sessions": True,
    "lock": timedelta(seconds=90),
    "max_delivery_count": 7,
    "duplicates": timedelta(minutes=1),
    "time_to_live": timedelta(hours=1),
}


@pytest.mark.parametrize("field", sorted(OTHER))
def test_whatever_is_said_of_an_entity_reaches_the_documents(field: str) -> None:
    changed = replace(STANDARD.pages, **{field: OTHER[field]})  # type: ignore[arg-type]
    topology = Topology(jobs=STANDARD.jobs, pages=changed, indicators=STANDARD.indicators)
    assert template(topology) != template(STANDARD)
    if field != "contract":
        assert config(topology) != config(STANDARD)


def test_no_field_of_an_entity_is_left_out_above() -> None:
    assert {field.name for field in fields(Entity) if field.name != "_"} == set(OTHER)
