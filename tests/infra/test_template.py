"""The template is well formed, and what is checked in is what the compiler makes of it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.infra.compiler import INFRA, Compiler, needs_compiler

pytestmark = pytest.mark.xdist_group("bicep")

SOURCES = [*sorted((INFRA / "bicep").rglob("*.bicep")), *sorted((INFRA / "bicep").rglob("*.bicepparam"))]


@needs_compiler
def test_no_file_has_a_warning(compiler: Compiler) -> None:
    for pattern in ("**/*.bicep", "**/*.bicepparam"):
        done = compiler.run("lint", "--pattern", pattern)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_compiler
def test_every_file_is_formatted(compiler: Compiler) -> None:
    for pattern in ("**/*.bicep", "**/*.bicepparam"):
        assert compiler.run("format", "--pattern", pattern).returncode == 0
    formatted = {path: compiler.infra / path.relative_to(INFRA) for path in SOURCES}
    unlike = [path.name for path, copy in formatted.items() if copy.read_text() != path.read_text()]
    assert unlike == [], "run `make templates`"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_suppression_has_its_reason(path: Path) -> None:
    for line in re.findall(r"^\s*#disable-.*$", path.read_text(), re.MULTILINE):
        assert re.search(r"#disable-next-line \S+ // \S.{20,}", line), line


@needs_compiler
def test_what_is_checked_in_is_what_the_compiler_makes(compiler: Compiler) -> None:
    kept: dict[str, Any] = json.loads((INFRA / "azuredeploy.json").read_text())
    done = compiler.run("build", compiler.infra / "bicep" / "main.bicep", "--stdout")
    assert (done.returncode, done.stderr) == (0, "")
    made: dict[str, Any] = json.loads(done.stdout)
    versions = [each["metadata"]["_generator"]["version"] for each in (kept, made)]
    if versions[0] != versions[1]:
        pytest.skip(f"not run: azuredeploy.json was made by {versions[0]}, and this compiler is {versions[1]}")
    assert made == kept, "run `make templates`"


def test_no_secret_has_a_default_and_none_is_an_output() -> None:
    template = json.loads((INFRA / "azuredeploy.json").read_text())
    secure = {name for name, each in template["parameters"].items() if each["type"] == "securestring"}
    assert {"mimecastPassword", "mimecastAppKey", "mimecastAccessKey", "mimecastSecretKey", "workspaceKey"} <= secure
    assert all(template["parameters"][name].get("defaultValue") == "" for name in secure)


def test_the_workspace_is_never_declared() -> None:
    def declared(template: dict[str, Any]) -> set[str]:
        resources = template["resources"]
        found = set()
        for each in resources.values() if isinstance(resources, dict) else resources:
            if not each.get("existing", False):
                found.add(each["type"])
            if each["type"] == "Microsoft.Resources/deployments":
                found |= declared(each["properties"]["template"])
        return found

    types = declared(json.loads((INFRA / "azuredeploy.json").read_text()))
    assert "Microsoft.ServiceBus/namespaces" in types
    assert [each for each in types if each.startswith("Microsoft.OperationalInsights")] == []
