"""A package of a function app, unpacked where nothing else of this project is."""

import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from infra.materials import bill_of_materials, licenses
from infra.packages import (
    MEMBERS,
    PACKAGES,
    REQUIREMENTS,
    SERVICES,
    PackageError,
    Tree,
    dependencies,
    image_context,
    install,
    members,
    package,
)
from tests.functions.apps import bindings_of, load
from tests.functions.running import PYTHON, needs_worker, start
from tests.packaging.environments import ROOT, UV
from tests.support.bus import running_namespace

pytestmark = pytest.mark.xdist_group("function apps")
WORKER = ("azure_functions_runtime", "azurefunctions", "werkzeug", "markupsafe")
"""What the platform has of its own, beside the interpreter."""


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    for member in MEMBERS:
        project = ROOT / ("services" if member in SERVICES else "libs") / member
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
        subprocess.run(command, cwd=project, check=True, capture_output=True)
    return folder


def installed(target: Path) -> Tree:
    try:
        install(UV, target, offline=True)
    except PackageError as error:
        pytest.skip(f"not run: the wheels are not in uv's cache, and no registry is asked here ({error})")
    return dependencies(target)


@pytest.fixture(scope="module")
def packages(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return {**installed(tmp_path_factory.mktemp("first") / "target"), **members(dist)}


@pytest.fixture(scope="module")
def zipped(packages: Tree) -> bytes:
    return package("publisher", packages)


def test_the_same_input_gives_the_same_bytes(
    packages: Tree, zipped: bytes, dist: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    again = {**members(dist), **installed(tmp_path_factory.mktemp("second") / "somewhere" / "else")}
    assert again == packages
    assert list(again) != list(packages)
    assert package("publisher", again) == zipped
    assert image_context() == image_context()


def test_a_package_holds_what_the_platform_looks_for_and_nothing_of_this_machine(zipped: bytes) -> None:
    with zipfile.ZipFile(BytesIO(zipped)) as archive:
        names = archive.namelist()
        texts = {name: archive.read(name) for name in names if name.endswith(("RECORD", "METADATA", ".txt", ".json"))}
    assert {name for name in names if not name.startswith(str(PACKAGES))} == {"function_app.py", "host.json"}
    assert f"{PACKAGES}/mti/functions/host.py" in names
    assert any(name.endswith(".dist-info/entry_points.txt") for name in names)
    for member in ("mti/stack", "mti/simulators", "servicebus_local"):
        assert not [name for name in names if f"/{member}/" in name]
    assert not [name for name in names if name.endswith((".pyc", "direct_url.json"))]
    compiled = {name.rpartition("/")[2] for name in names if ".cpython-" in name}
    assert compiled
    assert all("cpython-313-x86_64-linux-gnu" in name for name in compiled)
    assert not [name for name, text in texts.items() if str(ROOT).encode() in text]


def test_the_bill_of_materials_names_every_distribution_with_version_and_licence(packages: Tree) -> None:
    document = json.loads(bill_of_materials("publisher", packages, REQUIREMENTS.read_text()))
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    listed = {(each["name"], each["version"]) for each in document["components"]}
    pinned = set(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", REQUIREMENTS.read_text(), re.MULTILINE))
    assert pinned <= listed
    assert {name for name, _ in listed - pinned} == {f"mti-{member}" for member in MEMBERS}
    unsaid = [each["name"] for each in document["components"] if "licenses" not in each]
    assert unsaid == []
    assert all(each["properties"] for each in document["components"] if not each["name"].startswith("mti-"))
    text = licenses(packages).decode()
    assert all(f"{name} {version}: " in text.replace("_", "-").lower() for name, version in listed)


def test_the_context_of_the_image_holds_what_the_dockerfile_copies() -> None:
    with tarfile.open(fileobj=BytesIO(image_context())) as archive:
        names = set(archive.getnames())
    copied = re.findall(r"^COPY (?!--)(\S+) ", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert copied
    assert all(any(name == each or name.startswith(f"{each}/") for name in names) for each in copied)
    assert "Dockerfile" in names
    assert not [name for name in names if name.endswith(".pyc")]


@needs_worker
async def test_a_package_that_is_unpacked_elsewhere_runs_on_the_interpreter_of_the_platform(
    zipped: bytes, tmp_path: Path
) -> None:
    app = tmp_path / "wwwroot"
    with zipfile.ZipFile(BytesIO(zipped)) as archive:
        archive.extractall(app)
    worker = tmp_path / "worker"
    worker.mkdir()
    (site,) = (PYTHON.parents[1] / "lib").glob("python3.*/site-packages")
    for name in WORKER:
        (worker / name).symlink_to(site / name)
    async with running_namespace(tmp_path / "bus") as namespace:
        env = {
            "PYTHONPATH": f"{app / PACKAGES}:{worker}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "ServiceBus": namespace.connection_string,
            "MTI_SERVICEBUS_CONNECTION_STRING": namespace.connection_string,
            "MTI_INDICATORS_TOPIC": "indicators",
            "MTI_INDICATORS_SUBSCRIPTION": "publisher",
            "MTI_TENANTS_FILE": str(ROOT / "tenants.example.yaml"),
            "MTI_STORE": f"sqlite:{tmp_path / 'store.db'}",
        }
        running = await start(app, env, tmp_path / "errors", Path(os.path.realpath(PYTHON)))
        try:
            assert running.functions == sorted(bindings_of(load("publisher").app))
            assert await running.ask("health") == (200, {"service": "publisher", "version": version()})
            status, document = await running.ask("status")
            assert (status, document["total"], document["destinations"] > 0) == (200, 0, True), document
        finally:
            await running.stop()


def version() -> str:
    found = re.search('^version = "(.+)"$', (ROOT / "services/publisher/pyproject.toml").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]
