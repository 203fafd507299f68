"""The runtime that playbooks are tried on does what the language's pages say, and fails where they say nothing."""

from typing import Any

import pytest

from tests.normalizer.world import NOW
from tests.playbooks.expressions import Fault, plain_functions, worked_out
from tests.playbooks.running import Clock, Workflow

pytestmark = pytest.mark.pure

FUNCTIONS = {
    **plain_functions(Clock(NOW)),
    "body": lambda name: {"Page": "<html>", "List": {"data": [{"id": "a"}]}, "Nothing": None}[name],
}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("plain", "plain"),
        ("@@text", "@text"),
        ("a @{concat('it''s ', 7)} b", "a it's 7 b"),
        ("@{equals(1, 1)}", "True"),
        ("@equals(1, '1')", False),
        ("@body('List')?['data']?[0]?['id']", "a"),
        ("@body('List')['data'][0].id", "a"),
        ("@body('List')?['data']?[3]?['id']", None),
        ("@body('Nothing')?['data']?[0]", None),
        ("@coalesce(null, body('Nothing'), 'x')", "x"),
        ("@if(empty(createArray()), 'none', 'some')", "none"),
        ("@union(createArray('a', 'b', 'a'), createArray('c'))", ["a", "b", "c"]),
        ("@take('abcdef', 2)", "ab"),
        ("@encodeUriComponent('a b&c+d/e=')", "a%20b%26c%2Bd%2Fe%3D"),
        ("@formatDateTime(addDays(utcNow(), -30), 'yyyy-MM-ddTHH:mm:ss')", "2026-10-25T12:00:00"),
        ({"list": ["@add(1, 2)"]}, {"list": [3]}),
    ],
)
def test_an_expression_means_what_the_pages_say(written: Any, meant: Any) -> None:
    assert worked_out(written, FUNCTIONS) == meant


@pytest.mark.parametrize(
    "written",
    [
        "@body('Page')?['data']",
        "@body('List')['none']",
        "@body('Nothing')['data']",
        "@if('true', 1, 2)",
        "@if(true, 1, json('{'))",
        "@add('1', 2)",
        "@int('')",
        "@string(null)",
        "@unknown()",
        "@concat('a'",
        "@concat('a') b",
        "a @{concat('a') b",
        "@equals(1)",
    ],
)
def test_what_fails_in_the_service_or_is_not_said_to_work_is_a_fault(written: str) -> None:
    with pytest.raises(Fault):
        worked_out(written, FUNCTIONS)


def workflow(**actions: Any) -> Workflow:
    return Workflow("w", {"parameters": {}, "actions": actions}, {}, "http://127.0.0.1:9", Clock(NOW))


def compose(value: Any, **after: list[str]) -> Any:
    return {"type": "Compose", "runAfter": after, "inputs": value}


async def test_a_branch_that_follows_a_failure_makes_up_for_it() -> None:
    run = await workflow(Fails=compose("@int('x')"), Follows=compose("seen", Fails=["Failed"])).run({})
    assert run.status == "Succeeded"
    assert [each["status"] for each in run.history] == ["Failed", "Succeeded"]


async def test_what_is_skipped_after_a_failure_leaves_the_run_failed() -> None:
    run = await workflow(Fails=compose("@int('x')"), Skipped=compose("not seen", Fails=["Succeeded"])).run({})
    assert run.status == "Failed"
    assert [each["status"] for each in run.history] == ["Failed", "Skipped"]
