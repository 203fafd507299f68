"""The import rules of the house: a service knows the common library and itself, and nobody reaches back."""

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SERVICES = {"fetcher", "normalizer", "publisher"}

ALLOWED = {
    "common": {"common"},
    "fetcher": {"common", "fetcher"},
    "normalizer": {"common", "normalizer"},
    "publisher": {"common", "publisher"},
    "operations": {*SERVICES, "common", "operations"},
    "simulators": {"common", "simulators", "servicebus_local"},
    "stack": {*SERVICES, "common", "operations", "simulators", "stack", "servicebus_local"},
    "functions": {*SERVICES, "common", "operations", "deployment", "functions"},
    "deployment": {*SERVICES, "common", "operations", "stack", "deployment"},
    "simulation": {*SERVICES, "common", "simulation"},
    "console": {*SERVICES, "common", "operations", "simulators", "deployment", "stack", "console"},
    "cli": {*SERVICES, "common", "operations", "deployment", "stack", "simulation", "cli", "servicebus_local"},
    "servicebus_local": {"servicebus_local"},  # a distribution for others too, which knows nothing of this project
}

DISTRIBUTIONS_OF_THEIR_OWN = {"servicebus_local"}


def members() -> dict[str, Path]:
    packages = [*ROOT.glob("*/*/src/mti/*"), *(path for path in ROOT.glob("*/*/src/*") if path.name != "mti")]
    return {path.name: path for path in packages if path.is_dir() and path.name != "__pycache__"}


def member_of(name: str) -> str | None:
    """Return the member that a module belongs to; none when it is another project's, or `mti` itself."""
    first, *rest = name.split(".")
    if first == "mti":
        return rest[0] if rest else None
    return first if first in DISTRIBUTIONS_OF_THEIR_OWN else None


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "mti")


def test_every_member_has_its_rule() -> None:
    assert set(members()) == set(ALLOWED)


@pytest.mark.parametrize("member", sorted(ALLOWED))
def test_a_member_imports_only_what_it_may(member: str) -> None:
    strangers = [
        f"{module.relative_to(ROOT)} imports {name}"
        for module in members()[member].rglob("*.py")
        for name in imported(module)
        if (owner := member_of(name)) is not None and owner not in ALLOWED[member]
    ]
    assert strangers == []


def test_the_rule_would_notice_a_stranger(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("import mti.publisher.handler\nfrom mti import normalizer\nfrom mti.fetcher.windows import x\n")
    assert set(imported(module)) == {"mti.publisher.handler", "mti", "mti.normalizer", "mti.fetcher.windows"}


def test_the_rule_knows_whose_a_module_is() -> None:
    names = ["mti.common.logs", "servicebus_local.amqp.codec", "servicebus_local", "mti", "azure.servicebus", "common"]
    assert [member_of(name) for name in names] == ["common", "servicebus_local", "servicebus_local", None, None, None]


@pytest.mark.parametrize("name", sorted(DISTRIBUTIONS_OF_THEIR_OWN))
def test_a_distribution_of_its_own_does_not_even_name_this_project(name: str) -> None:
    package = members()[name]
    texts = [*package.rglob("*.py"), package.parents[1] / "README.md", package.parents[1] / "pyproject.toml"]
    assert [path.name for path in texts if re.search(r"\bmti\b", path.read_text())] == []


FACES = {
    "fetcher": {"mti.fetcher.records", "mti.fetcher.composition"},
    "normalizer": {"mti.normalizer.records", "mti.normalizer.indicators", "mti.normalizer.composition"},
    "publisher": {"mti.publisher.records", "mti.publisher.composition"},
}
"""What a service shows of itself; its other modules are its own affair."""


def past_a_face(module: Path) -> list[str]:
    """Return what a module imports of a service beside its faces."""
    return [
        name
        for name in imported(module)
        if (face := FACES.get(member_of(name) or "")) is not None and name.count(".") > 1 and name not in face
    ]


@pytest.mark.parametrize("member", sorted(set(ALLOWED) - SERVICES))
def test_libraries_reach_a_service_by_its_faces_alone(member: str) -> None:
    past = [f"{module.relative_to(ROOT)}: {past_a_face(module)}" for module in members()[member].rglob("*.py")]
    assert [each for each in past if not each.endswith("[]")] == []


def test_a_module_that_reaches_past_a_face_would_be_noticed(tmp_path: Path) -> None:
    (module := tmp_path / "module.py").write_text(
        "from mti.normalizer.records import Ledger\nfrom mti.normalizer.records.ledger import Ledger\n"
        "from mti.normalizer.decisions import decide\nfrom mti.fetcher.windows import Window\n"
    )
    past = ["mti.normalizer.records.ledger", "mti.normalizer.decisions", "mti.fetcher.windows"]
    assert past_a_face(module) == past


def test_the_private_codec_of_the_sdk_stands_behind_one_module() -> None:
    users = {
        str(module.relative_to(ROOT))
        for path in members().values()
        for module in path.rglob("*.py")
        if any("_pyamqp" in name for name in imported(module))
    }
    assert len(users) <= 1, users


def test_operations_need_no_sdk_no_adapter_and_no_terminal() -> None:
    elsewhere = ("azure", "httpx", "rich", "typer", "mti.common.adapters", "mti.common.composition")
    needed = [
        f"{module.relative_to(ROOT)} imports {name}"
        for module in members()["operations"].rglob("*.py")
        for name in imported(module)
        if name.startswith(elsewhere)
    ]
    assert needed == []


def test_services_have_the_same_file_names_for_the_same_things() -> None:
    same = {
        "__init__.py",
        "__main__.py",
        "configuration.py",
        "handler.py",
        "records/checkpoint.py",
        "worker.py",
    }
    for service in ("fetcher", "normalizer", "publisher"):
        assert same <= {str(path.relative_to(members()[service])) for path in members()[service].rglob("*.py")}, service


def test_the_arrows_of_the_house_are_as_its_contracts_have_them() -> None:
    """With imports that are for types alone, in members and in their packages: `make graph` shows them."""
    python = ROOT / ".cache" / "house" / "bin" / "python"
    sources = os.pathsep.join(str(path) for path in ROOT.glob("*/*/src"))
    graph = subprocess.run(
        [python, "-m", "tests.house.graph"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": sources},
        capture_output=True,
        text=True,
        check=False,
    )
    assert graph.returncode == 0, graph.stdout[-4000:] + graph.stderr
    assert "0 broken" in graph.stdout
