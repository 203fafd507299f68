"""A stranger has the wheel of the local namespace and its README, and nothing else of this project."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.environments import ROOT, Environment, bring, needed_by

README = (ROOT / "libs/servicebus-local/README.md").read_text()
EVERY_MODULE = """
import importlib, pkgutil, servicebus_local
for found in pkgutil.walk_packages(servicebus_local.__path__, "servicebus_local."):
    if found.name not in {"servicebus_local.__main__", "servicebus_local.pytest_plugin"}:
        importlib.import_module(found.name)
"""
pytestmark = pytest.mark.xdist_group("the wheel of the local namespace")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def package(folder: Path) -> list[Path]:
    """Run `make wheels`, on what is set up already."""
    make = ["make", "-s", "-o", f"{sys.prefix}/.ready", "wheels", f"VENV={sys.prefix}", f"DIST={folder}"]
    subprocess.run(make, cwd=ROOT, check=True, capture_output=True)
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return package(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def stranger(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment that holds the wheel and what its metadata name, and not one package more."""
    environment = Environment(tmp_path_factory.mktemp("stranger"))
    environment.install(next(wheel for wheel in wheels if wheel.name.startswith("servicebus_local-")))
    for each in needed_by(installed(environment)).values():
        bring(each, environment.site_packages())
    return environment


@pytest.fixture(scope="module")
def their_pytest(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a pytest without the plugins of this project."""
    folder = tmp_path_factory.mktemp("pytest")
    for each in (distribution("pytest"), *needed_by(distribution("pytest")).values()):
        bring(each, folder)
    return str(folder)


def installed(environment: Environment) -> Distribution:
    return PathDistribution(next(environment.site_packages().glob("servicebus_local-*.dist-info")))


def test_every_member_has_a_wheel_and_it_is_the_same_bytes_each_time(wheels: list[Path], tmp_path: Path) -> None:
    again = package(tmp_path)
    members = list(ROOT.glob("*/*/pyproject.toml"))
    assert [wheel.name for wheel in wheels] == [wheel.name for wheel in again]
    assert len(wheels) == len(members)
    assert [wheel.read_bytes() for wheel in wheels] == [wheel.read_bytes() for wheel in again]


def test_what_the_wheel_declares_is_all_that_its_modules_need(stranger: Environment) -> None:
    stranger.check()
    ran = stranger.run("python", "-c", EVERY_MODULE)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_nothing_of_this_project_comes_along(stranger: Environment) -> None:
    assert not (stranger.site_packages() / "mti").exists()
    assert [name for name in needed_by(installed(stranger)) if name.startswith("mti")] == []


def test_the_wheel_carries_its_readme_its_licence_and_its_types(stranger: Environment) -> None:
    found = installed(stranger)
    assert (found.metadata["Name"], found.metadata["License-Expression"]) == ("servicebus-local", "MIT")
    assert README.strip() in found.metadata["Description"]
    assert {"LICENSE", "py.typed"} <= {Path(each).name for each in found.files or []}


def test_the_pages_name_the_wheel_that_is_built(wheels: list[Path]) -> None:
    wheel = next(each.name for each in wheels if each.name.startswith("servicebus_local-"))
    assert f"$ pip install {wheel}\n" in README
    assert f"$ make package\n$ pip install dist/{wheel}\n" in (ROOT / "docs/local-namespace.md").read_text()


def test_the_command_says_its_version(stranger: Environment) -> None:
    assert stranger.run("servicebus-local", "--version").stdout == f"servicebus-local {installed(stranger).version}\n"


def test_the_readme_names_every_option(stranger: Environment) -> None:
    shown = set(re.findall(r"--[a-z-]+", stranger.run("servicebus-local", "--help").stdout)) - {"--help"}
    assert shown == set(re.findall(r"`(--[a-z-]+)", README[README.index("| option |") : README.index("## Connect")]))


@contextmanager
def started(stranger: Environment) -> Iterator[dict[str, Any]]:
    """Start the namespace with the README's words, on ports that are free; check that it ends in order."""
    (stranger.folder / "Config.json").write_text(blocks("json")[0])
    words = next(block for block in blocks("console") if block.startswith("$ servicebus-local")).splitlines()[0]
    command = shlex.split(words.removeprefix("$ ").replace("5672", "0").replace("5300", "0"))
    command[0] = str(stranger.bin / command[0])
    with subprocess.Popen(
        command, cwd=stranger.folder, env=stranger.variables, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
    assert process.returncode == 0


def test_started_with_the_readmes_words_it_answers_the_readmes_clients(stranger: Environment) -> None:
    told = next(block for block in blocks("console") if block.startswith("$ servicebus-local")).splitlines()[1]
    snippet = next(block for block in blocks("python") if "PlainTransport" in block)
    with started(stranger) as ready:
        ran = stranger.run("python", "-c", snippet.replace("127.0.0.1:5672", f"127.0.0.1:{ready['port']}"))
    assert set(ready) == set(json.loads(told))
    assert (ran.stdout, ran.stderr) == ("1\n", "")


def test_the_readmes_test_passes_in_a_folder_of_its_own(stranger: Environment, their_pytest: str) -> None:
    ran = orders(stranger, their_pytest)
    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr


def test_what_a_stranger_calls_their_own_modules_is_no_matter(stranger: Environment, their_pytest: str) -> None:
    (stranger.folder / "pydantic.py").write_text("raise ImportError('not the one you mean')")
    (stranger.folder / "lark.py").write_text("raise ImportError('not the one you mean')")
    try:
        ran = orders(stranger, their_pytest)
    finally:
        (stranger.folder / "pydantic.py").unlink()
        (stranger.folder / "lark.py").unlink()
    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr


def orders(stranger: Environment, their_pytest: str) -> subprocess.CompletedProcess[str]:
    text = next(block for block in blocks("python") if block.startswith("# test_orders.py"))
    (stranger.folder / "test_orders.py").write_text(text)
    return stranger.run("python", "-m", "pytest", "-p", "no:cacheprovider", PYTHONPATH=their_pytest)
