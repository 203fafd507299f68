"""The clients of JavaScript: @azure/service-bus and rhea, each scenario in a process of Node.js."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from servicebus_local.pytest_plugin import ServiceBusNamespace
from tests.conformance.sdk import Sdk
from tests.support.cosmos.server import node
from tests.support.waiting import in_time

SCENARIOS = Path(__file__).parent.parent / "support" / "javascript" / "service_bus.cjs"
_NUMBERS = itertools.count(1)
Run = Callable[..., Awaitable[Any]]


@pytest.fixture
def run(service_bus: ServiceBusNamespace) -> Run:
    """Runs a scenario: `await run("settle", queue="q")`; returns what it printed."""

    async def start(scenario: str, **given: object) -> Any:
        given |= {
            "connectionString": service_bus.connection_string,
            "administrationString": service_bus.connection_string,
            "port": service_bus.port,
        }
        process = await asyncio.create_subprocess_exec(
            node(),
            str(SCENARIOS),
            scenario,
            json.dumps(given),
            env={"NODE_EXTRA_CA_CERTS": str(service_bus.certificate)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            output, errors = await in_time(process.communicate())
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode == 0, errors.decode()
        return json.loads(output)

    return start


@pytest.fixture
def sdk(service_bus: ServiceBusNamespace) -> Sdk:
    """The SDK of Python, which makes what JavaScript uses."""
    return Sdk(service_bus, asynchronously=False)


async def test_javascript_settles_messages_that_it_sent_without_an_id(run: Run, sdk: Sdk) -> None:
    found = await run("settle", queue=await sdk.queue())
    assert found["bodies"] == ["one", "two"]
    assert len({each for each in found["ids"] if each}) == 2
    assert found["left"] == 0


async def test_a_javascript_handler_that_throws_gives_up_at_max_delivery_count(run: Run, sdk: Sdk) -> None:
    found = await run("throwing", queue=await sdk.queue(max_delivery_count=3))
    assert found == {"calls": 3, "reason": "MaxDeliveryCountExceeded", "deliveries": 3}


async def test_javascript_finds_the_properties_that_it_changed_as_it_settled(run: Run, sdk: Sdk) -> None:
    found = await run("modify", queue=await sdk.queue())
    assert found["abandoned"] == {"kept": "as it was", "number": 2, "abandoned": "yes"}
    assert found["deferred"] == found["abandoned"] | {"deferred": True}
    assert found["again"] == found["deferred"] | {"again": 1.5}
    reasons = {"DeadLetterReason": "Why", "DeadLetterErrorDescription": "because"}
    assert found["dead"] == found["again"] | {"who": "me"} | reasons
    assert found["reason"] == "Why"


async def test_javascript_cannot_dead_letter_a_dead_letter(run: Run, sdk: Sdk) -> None:
    found = await run("twice", queue=await sdk.queue())
    assert found["refused"]
    assert "dead letter already" in found["message"]


async def test_javascript_works_with_a_session(run: Run, sdk: Sdk) -> None:
    found = await run("session", queue=await sdk.queue(requires_session=True))
    assert found == {"state": "half done", "renewed": True, "again": "a", "left": 0}


async def test_javascript_schedules_and_cancels(run: Run, sdk: Sdk) -> None:
    assert await run("schedule", queue=await sdk.queue()) == {"body": "soon"}


async def test_javascript_manages_rules_over_amqp(run: Run, sdk: Sdk) -> None:
    topic = await sdk.topic("s")
    default, correlated, sql = await run("rules", topic=topic, subscription="s")
    assert default["name"] == "$Default"
    assert correlated["filter"]["subject"] == "s"
    assert correlated["filter"]["applicationProperties"] == {
        "text": "t",
        "number": 7,
        "half": 0.5,
        "yes": True,
        "when": "2024-02-29T12:30:00.000Z",
    }
    assert (sql["filter"]["sqlExpression"], sql["action"]["sqlExpression"]) == ("a > 1", "SET b = 2")


async def test_javascript_administers_entities(run: Run) -> None:
    number = next(_NUMBERS)
    queue, topic = f"javascript-queue-{number}", f"javascript/topic-{number}"
    found = await run("administer", queue=queue, topic=topic)
    assert (found["queue"], found["lock"], found["deliveries"], found["active"]) == (queue, "PT30S", 4, 0)
    assert (found["queues"], found["topics"], found["exists"]) == (True, True, [True, False])
    assert found["subscriptions"] == [[topic, "first"], [topic, "second"]]
    assert (found["runtimes"], found["rules"], found["sku"]) == ([0, 0], ["$Default", "correlated", "sql"], "Standard")
    assert found["filter"]["correlationId"] == "c"
    assert found["filter"]["applicationProperties"] == {
        "text": "t",
        "number": 7,
        "yes": True,
        "when": "2024-02-29T12:30:00.000Z",
    }


@pytest.mark.parametrize("login", [{}, {"username": "any", "password": "any"}], ids=["anonymous", "plain"])
async def test_rhea_sends_and_receives(run: Run, sdk: Sdk, login: dict[str, str]) -> None:
    assert await run("rhea", queue=await sdk.queue(), login=login) == {"body": "hello"}


async def test_rhea_is_kept_alive_with_an_idle_time_out_of_a_second(run: Run, sdk: Sdk) -> None:
    assert await run("rhea", queue=await sdk.queue(), pause=6000) == {"body": "hello"}
