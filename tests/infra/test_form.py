"""The form of the portal, by the rules that Microsoft's own test kit applies, and a few of ours.

https://github.com/Azure/arm-ttk/tree/master/arm-ttk/testcases/CreateUIDefinition
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infra.compiler import FORMER

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "infra" / "createUiDefinition.json").read_text()
FORM: dict[str, Any] = json.loads(TEXT)
TEMPLATE: dict[str, Any] = json.loads((ROOT / "infra" / "azuredeploy.json").read_text())
PARAMETERS: dict[str, Any] = FORM["parameters"]
OUTPUTS: dict[str, str] = PARAMETERS["outputs"]
REFERENCE = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/x)"
WORKSPACE = "Microsoft.OperationalInsights/workspaces/w"
WITHOUT_TOOL_TIP = {"Microsoft.Common.InfoBox", "Microsoft.Common.Section", "Microsoft.Common.TextBlock"}


def controls(of: Any = None, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each control with the expression that it is referred to by."""
    if of is None:
        for control in PARAMETERS["basics"]:
            yield f"basics('{control['name']}')", control
        for step in PARAMETERS["steps"]:
            yield from controls(step["elements"], f"steps('{step['name']}')")
        return
    for control in of:
        yield f"{path}.{control['name']}", control
        yield from controls(control.get("elements", []), f"{path}.{control['name']}")


CONTROLS = dict(controls())


def of_type(name: str) -> list[dict[str, Any]]:
    return [each for each in CONTROLS.values() if each["type"] == f"Microsoft.Common.{name}"]


def referred(expression: str) -> set[str]:
    return set(re.findall(r"(?:basics\('\w+'\)|steps\('\w+'\)(?:\.\w+)+)", expression))


def test_the_schema_the_handler_and_the_version_are_those_of_today() -> None:
    schema = "https://schema.management.azure.com/schemas/0.1.2-preview/CreateUIDefinition.MultiVm.json#"
    assert (FORM["$schema"], FORM["version"]) == (schema, "0.1.2-preview")
    assert FORM["handler"] == "Microsoft.Azure.CreateUIDef"


def test_every_output_is_a_parameter_of_the_template() -> None:
    assert set(OUTPUTS) <= set(TEMPLATE["parameters"])
    assert OUTPUTS["location"] == "[location()]"
    for name in OUTPUTS:
        assert TEMPLATE["parameters"][name]["type"] in {"string", "securestring", "array"}, name


def test_every_parameter_without_a_default_is_an_output() -> None:
    assert {name for name, each in TEMPLATE["parameters"].items() if "defaultValue" not in each} <= set(OUTPUTS)


def test_every_parameter_of_the_former_connector_is_asked_for() -> None:
    assert len(FORMER) == 15
    for name in FORMER:
        (path,) = [path for path, control in CONTROLS.items() if control["name"] == name]
        assert path in referred(OUTPUTS[name]), name
        assert name in str(CONTROLS[path]["label"]), "by its name, as its users know it"


def test_every_control_that_is_referred_to_exists() -> None:
    for found in referred(TEXT):
        assert found in CONTROLS, found


def test_every_control_is_referred_to() -> None:
    plain = {path for path, each in CONTROLS.items() if each["type"] not in WITHOUT_TOOL_TIP}
    assert plain - referred(TEXT) == set()


def test_what_is_asked_on_a_condition_is_left_out_on_the_same() -> None:
    for path, control in CONTROLS.items():
        for name, output in OUTPUTS.items():
            if path in referred(output) and "visible" in control and name != control["name"]:
                assert output.startswith("[if("), (name, path)


@pytest.mark.parametrize("path", CONTROLS)
def test_a_control_explains_itself(path: str) -> None:
    control = CONTROLS[path]
    if control["type"] not in WITHOUT_TOOL_TIP:
        assert control["toolTip"].strip()
        assert len(control["toolTip"]) > 15


def test_a_text_is_checked_and_a_refusal_says_what_to_enter() -> None:
    for control in of_type("TextBox"):
        constraints = control["constraints"]
        pattern = re.compile(constraints["regex"])
        assert constraints["regex"].startswith("^")
        assert constraints["regex"].endswith("$")
        assert constraints["validationMessage"].strip()
        assert constraints["required"] is (pattern.search("") is None), control["name"]
        if "defaultValue" in control:
            assert pattern.search(control["defaultValue"])


def test_a_password_is_asked_for_twice_with_a_length_and_goes_to_a_secure_parameter() -> None:
    boxes = of_type("PasswordBox")
    assert len(boxes) == 7
    for control in boxes:
        assert re.search(r"\{\d+", control["constraints"]["regex"]), control["name"]
        assert control["options"]["hideConfirmation"] is False
        assert TEMPLATE["parameters"][control["name"]]["type"] == "securestring"
        assert referred(OUTPUTS[control["name"]]), control["name"]


def test_a_secure_parameter_is_asked_for_in_a_password_box() -> None:
    secure = {name for name in OUTPUTS if TEMPLATE["parameters"][name]["type"] == "securestring"}
    assert secure == {each["name"] for each in of_type("PasswordBox")}


def test_a_choice_is_one_that_the_template_takes() -> None:
    for control in (*of_type("OptionsGroup"), *of_type("DropDown")):
        values = control["constraints"]["allowedValues"]
        parameter = TEMPLATE["parameters"].get(control["name"], {})
        allowed = parameter.get("allowedValues") or parameter.get("items", {}).get("allowedValues")
        assert allowed is None or {each["value"] for each in values} <= set(allowed), control["name"]
        defaults = control["defaultValue"]
        for default in defaults if isinstance(defaults, list) else [defaults]:
            assert default in {each["value"] for each in values} | {each["label"] for each in values}


def test_nothing_is_blank() -> None:
    assert re.findall(r":\s*(?:\{\s*\}|\[\s*\]|\"\s*\"|null)", TEXT) == []


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (
            "mimecastBaseURL",
            ["https://eu-api.mimecast.com", "https://usb-api.mimecast.com/", REFERENCE],
            ["eu-api.mimecast.com", ""],
        ),
        (
            "mimecastEmail",
            ["", "a@b.example", "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/x)"],
            ["a"],
        ),
        ("activeDirectoryAppId", ["44444444-4444-4444-4444-444444444444"], ["app", ""]),
        ("workspaceId", ["55555555-5555-5555-5555-555555555555", REFERENCE], ["contoso", ""]),
        (
            "AppInsightsWorkspaceResourceID",
            [f"/subscriptions/66666666-6666-6666-6666-666666666666/resourceGroups/a b/providers/{WORKSPACE}"],
            ["w", f"/subscriptions/6/resourceGroups/a/providers/{WORKSPACE}"],
        ),
        ("image", [f"ghcr.io/o/mti@sha256:{'a' * 64}"], ["ghcr.io/o/mti:latest", "mti"]),
        ("objectId", ["", "22222222-2222-2222-2222-222222222222"], ["me"]),
    ],
)
def test_what_people_enter_is_told_right_from_wrong(name: str, good: list[str], bad: list[str]) -> None:
    (control,) = [each for each in CONTROLS.values() if each["name"] == name]
    pattern = re.compile(control["constraints"]["regex"])
    assert [value for value in good if not pattern.search(value)] == []
    assert [value for value in bad if pattern.search(value)] == []
