"""What the service would refuse when a definition is saved, and what must never be in one."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.sentinel.playbooks import COMMON, known_query, playbooks
from infra.sentinel.workflow_format import Workflow, every
from tests.normalizer.world import NOW
from tests.playbooks.expressions import plain_functions
from tests.playbooks.running import Clock, Json

NAMES = sorted(playbooks())
REFERENCE = re.compile(r"\b(?:body|outputs|actions|items)\('(\w+)'\)")
AT_RUN_TIME = {
    *("triggerBody", "body", "outputs", "actions", "variables", "item", "items", "parameters", "workflow"),
    "listCallbackUrl",
}
DEEPEST = 8
"""https://learn.microsoft.com/azure/logic-apps/logic-apps-limits-and-configuration"""


def definition(name: str) -> Json:
    return playbooks()[name].definition()


@pytest.mark.parametrize("name", NAMES)
def test_an_expression_refers_to_what_ran_before(name: str) -> None:
    walk(definition(name)["actions"], set())


def walk(actions: Json, before: set[str]) -> set[str]:
    """See that each action refers to what is before it alone; return the names that may be referred to afterwards."""
    known: dict[str, set[str]] = {}
    for name, action in actions.items():
        here = set(before)
        for follows in action["runAfter"]:
            here |= known[follows]
        own = {key: value for key, value in action.items() if key not in {"actions", "else"}}
        inside = {name} if action["type"] == "Foreach" else set()
        said = set(REFERENCE.findall(json.dumps(own)))
        within = set()
        for branch in (action.get("actions", {}), action.get("else", {}).get("actions", {})):
            within |= walk(branch, here | inside) if branch else set()
        allowed = here | (within if action["type"] == "Until" else set())
        assert said <= allowed, (name, said - allowed)
        known[name] = here | {name} | (set() if action["type"] == "Foreach" else within)
    return set().union(*known.values()) - before if known else set()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_given_once_and_nothing_stands_too_deep(name: str) -> None:
    workflow = Workflow.model_validate(definition(name))
    found = list(every(workflow.actions))
    names = [each for each, _, _ in found]
    assert len(set(names)) == len(names)
    assert max(depth for _, _, depth in found) <= DEEPEST


@pytest.mark.parametrize("name", NAMES)
def test_variables_are_made_at_the_outermost_level_and_no_loop_ends_the_run(name: str) -> None:
    workflow = Workflow.model_validate(definition(name))
    made = [each for each, action, depth in every(workflow.actions) if action.type == "InitializeVariable"]
    assert set(made) <= set(workflow.actions)
    used = {found for text in texts(definition(name)) for found in re.findall(r"variables\('(\w+)'\)", text)}
    changed = {
        action["inputs"]["name"] for action in of_type(definition(name)["actions"], "SetVariable", "IncrementVariable")
    }
    assert used | changed <= set(made)
    for loop in of_type(definition(name)["actions"], "Foreach", "Until"):
        assert list(of_type(loop["actions"], "Terminate")) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_function_is_one_that_is_run(name: str) -> None:
    query = known_query()
    texts_of = [text.replace(query, "") for text in texts(definition(name))]
    called = {found for text in texts_of if "@" in text for found in re.findall(r"\b([a-zA-Z]+)\(", _unquoted(text))}
    assert called <= plain_functions(Clock(NOW)).keys() | AT_RUN_TIME


def _unquoted(text: str) -> str:
    """Return what stands in expressions of a text, without its strings."""
    inside = text if text.startswith("@") and not text.startswith("@{") else " ".join(re.findall(r"@\{[^}]*\}", text))
    return re.sub(r"'(?:[^']|'')*'", "''", inside)


@pytest.mark.parametrize("name", NAMES)
def test_what_holds_a_secret_is_hidden_from_the_history(name: str) -> None:
    """The key vault's answer, the token's, and each request that carries one of them."""
    for action in of_type(definition(name)["actions"], "Http"):
        hidden = action.get("runtimeConfiguration", {}).get("secureData", {}).get("properties", [])
        inputs = json.dumps(action["inputs"])
        if "/secrets/" in inputs or "/oauth/token" in inputs:
            assert hidden == ["inputs", "outputs"]
        if re.search(r"body\('(Secret|Token)'\)", inputs):
            assert "inputs" in hidden
    for action in of_type(definition(name)["actions"], "Compose", "AppendToArrayVariable", "SetVariable", "If"):
        own = {key: value for key, value in action.items() if key not in {"actions", "else"}}
        assert not re.search(r"(body|outputs)\('(Secret|Token)'\)", json.dumps(own))


@pytest.mark.parametrize("name", NAMES)
def test_who_is_asked_and_by_what_right_is_a_parameter(name: str) -> None:
    """No address stands in an action, and no request is signed otherwise than by the workflow's own identity."""
    text = json.dumps(definition(name)["actions"])
    assert "https://" not in text
    assert set(re.findall(r'"authentication": \{"type": "(\w+)"', text)) == {"ManagedServiceIdentity"}
    named = {found for each in texts(definition(name)) for found in re.findall(r"parameters\('([\w$]+)'\)", each)}
    assert named == definition(name)["parameters"].keys()
    assert named >= COMMON.keys()


def test_a_secret_is_no_parameter() -> None:
    for book in playbooks().values():
        assert [key for key in book.all_parameters if re.search("secret|key|password", key, re.IGNORECASE)] in (
            [], ["SecretName"],
        )  # fmt: skip


def of_type(actions: Json, *kinds: str) -> Iterator[Json]:
    for action in actions.values():
        if action["type"] in kinds:
            yield action
        for branch in (action.get("actions", {}), action.get("else", {}).get("actions", {})):
            yield from of_type(branch, *kinds)


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value
