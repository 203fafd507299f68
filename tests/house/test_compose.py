"""docker-compose.yml and the Dockerfile agree with the code: checked without a container engine."""

import asyncio
import json
import re
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from aiohttp import web

from mti.common.health_settings import HealthSettings
from mti.common.settings import BusSettings, RunSettings, StoreSettings, TenantsSettings
from mti.common.topology import STANDARD
from mti.common.topology.documents import EMULATOR_DELIVERIES, config
from mti.fetcher.configuration import FetcherSettings
from mti.simulators.serving import LoopbackServer
from tests.support.processes import start_python

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / ".cache" / "house" / "bin"
"""Where `make setup` puts the tools; apart from what the tests run with."""
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
ALL: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVICES = {name: ALL[name] for name in ("fetcher", "normalizer", "publisher")}
TENANTS = """\
tenants:
  - id: contoso
    mimecast: {api: "2.0", region: eu, client_id: "env:A", client_secret: "env:B"}
    feeds: [malware_customer]
    destinations: [{workspace_id: 00000000-0000-0000-0000-000000000001, auth: managed_identity}]
"""


def settings() -> set[str]:
    models = (BusSettings, HealthSettings, RunSettings, StoreSettings, TenantsSettings)
    return {f"MTI_{name.upper()}" for model in models for name in model.model_fields} | {"OTEL_EXPORTER_OTLP_ENDPOINT"}


def test_every_variable_is_one_that_the_services_read() -> None:
    for name, service in SERVICES.items():
        assert set(service.get("environment", {})) <= settings(), name


def test_every_service_keeps_a_store_of_its_own() -> None:
    stores = [service["environment"]["MTI_STORE"] for service in SERVICES.values() if "environment" in service]
    assert len(stores) == len(set(stores)) == 3


def test_a_service_can_be_had_several_times() -> None:
    for name, service in SERVICES.items():
        assert not {"container_name", "ports", "hostname"} & set(service), name


def test_no_secret_is_in_the_file() -> None:
    given = [(name, str(value)) for service in ALL.values() for name, value in service.get("environment", {}).items()]
    well_known = "SharedAccessKey=SAS_KEY_VALUE;"  # the emulator takes no other
    for name, value in given:
        assert not re.search(r"[A-Za-z0-9+/]{40,}={0,2}", value), name
        assert "SharedAccessKey=" not in value or well_known in value, name
        assert value.startswith("${") or not name.endswith(("_PASSWORD", "_KEY")), name


def test_nothing_is_served_beyond_this_machine() -> None:
    ports = [port for service in ALL.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_what_serves_others_says_when_it_is_ready() -> None:
    asked = ALL["ready"]["command"][1:]
    assert {address.split("/")[2] for address in asked} == {"bus:5300", "127.0.0.1:8080"}
    assert all("healthcheck" in ALL[name] for name in ("sql", "telemetry", "simulators"))
    for service in SERVICES.values():
        assert service["depends_on"] == {"ready": {"condition": "service_completed_successfully"}}


def test_every_service_is_asked_whether_it_is_alive_where_no_other_replica_answers() -> None:
    for name, service in SERVICES.items():
        assert service["healthcheck"]["test"] == ["CMD", "python", "-m", "mti.common.probe", "live"], name
        socket = service["environment"]["MTI_HEALTH"].removeprefix("unix:")
        assert str(Path(socket).parent) in service["tmpfs"]


def test_a_service_that_is_stopped_may_finish_its_page() -> None:
    longest = FetcherSettings.model_fields["mimecast_page_seconds"].default
    for service in SERVICES.values():
        assert int(re.fullmatch(r"(\d+)m", service["stop_grace_period"])[1]) * 60 > longest  # type: ignore[index]


def test_the_emulators_entities_are_those_of_the_topology() -> None:
    (mounted,) = ALL["bus"]["volumes"]
    found = json.loads((ROOT / mounted.split(":")[0]).read_text())
    assert found == config(STANDARD, max_deliveries=EMULATOR_DELIVERIES), "run `make topology`"


def test_the_image_holds_every_member_and_only_pinned_packages() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    members = {str(path.parent.relative_to(ROOT)) for path in ROOT.glob("*/*/pyproject.toml")}
    assert set(re.findall(r"\./((?:libs|services)/[a-z-]+)", dockerfile)) == members
    assert "--require-hashes -r requirements/runtime.txt" in dockerfile


def test_the_image_is_pinned_has_two_stages_and_runs_as_nobody() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^ARG PYTHON=python:3\.13-slim@sha256:[0-9a-f]{64}$", dockerfile, re.MULTILINE)
    assert re.findall(r"^FROM (.+)$", dockerfile, re.MULTILINE) == ["${PYTHON} AS build", "${PYTHON}"]
    assert re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE) == ["10001:10001"]


def test_every_image_of_others_is_pinned_by_a_digest_or_by_the_tag_of_one_release() -> None:
    images = {service["image"] for service in ALL.values()} - {"mti"}
    by_tag = {image for image in images if not re.search(r"@sha256:[0-9a-f]{64}$", image)}
    for image in by_tag:
        name, _, tag = image.rpartition(":")
        assert re.fullmatch(r"\d+\.\d+\.\d+", tag), f"{image}: the tag moves"
        assert f"{name.rpartition('/')[2]}:{tag}" in (ROOT / "docker-compose.yml").read_text().partition("services:")[0]
    assert len(images) - len(by_tag) == 2


def test_the_image_s_packages_are_those_that_the_tests_ran_with() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / "requirements" / name).read_text()
        return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", text, re.MULTILINE))

    runtime, dev = pins("runtime.txt"), pins("dev.txt")
    assert runtime.items() <= dev.items()
    assert "pytest" not in runtime


@pytest.mark.parametrize(
    "command",
    [
        ("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"),
        ("hadolint", "--no-color", "Dockerfile"),
    ],
    ids=lambda command: command[0],
)
def test_a_tool_that_knows_the_format_finds_nothing(command: tuple[str, ...]) -> None:
    found = subprocess.run(
        [HOUSE / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.fixture
def short() -> Iterator[str]:
    """A folder with a path that a socket's fits behind."""
    with TemporaryDirectory(prefix="mti-") as folder:
        yield folder


def environment_of(name: str, tenants: Path) -> dict[str, str]:
    """Return a service's environment as compose would give it, with the bus's name on this machine and closed ports."""
    given = {
        key: re.sub(r"\$\{[^}]*\}", "a2V5", value.replace("sb://bus:5672", "sb://127.0.0.1:9"))
        for key, value in SERVICES[name]["environment"].items()
    }
    given["MTI_STORE"] = given["MTI_STORE"].replace(":8081/", ":9/")
    return {**given, "MTI_TENANTS_FILE": str(tenants), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.mark.parametrize("name", ["fetcher", "normalizer", "publisher"])
async def test_a_service_s_command_starts_and_says_which_setting_is_missing(name: str) -> None:
    process = await start_python("-m", *SERVICES[name]["command"], stderr=asyncio.subprocess.PIPE, env={})
    _, err = await process.communicate()
    assert process.returncode == 2
    assert b"MTI_STORE" in err
    assert b"Traceback" not in err


@pytest.mark.parametrize("name", ["fetcher", "normalizer", "publisher"])
async def test_a_service_s_command_takes_its_environment_and_gets_as_far_as_the_store(
    name: str, tmp_path: Path, short: str
) -> None:
    (tenants := tmp_path / "tenants.yaml").write_text(TENANTS)
    environment = environment_of(name, tenants) | {"MTI_HEALTH": f"unix:{short}/health.sock"}
    process = await start_python("-m", *SERVICES[name]["command"], stderr=asyncio.subprocess.PIPE, env=environment)
    assert process.stderr is not None
    said = b""
    try:
        async with asyncio.timeout(90):
            while b"could not be reached" not in said and (line := await process.stderr.readline()):
                said += line
        asked = await start_python(*SERVICES[name]["healthcheck"]["test"][2:], env=environment)
        assert await asked.wait() == 0, "it waits for its store, and is alive"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    assert f"database '{name}' could not be reached".encode() in said, said.decode()
    assert b"MTI_" not in said, said.decode()


async def test_the_simulators_command_serves_and_writes_the_same_secrets_each_time(tmp_path: Path) -> None:
    written = []
    for run in ("one", "two"):
        folder = tmp_path / run
        folder.mkdir()
        free = [str(port) for port in free_ports(2)]
        taken = dict(zip(("43210", "43211"), free, strict=True))
        command = [taken.get(word, word) for word in ALL["simulators"]["command"]]
        files = ["--tenants", str(folder / "tenants.yaml"), "--env", str(folder / "env")]
        process = await start_python("-m", *command, *files, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        ready = json.loads(await process.stdout.readline())
        process.terminate()
        assert await process.wait() == 0
        assert ready["mimecast"].endswith(f":{free[0]}")
        written.append((folder / "env").read_text())
    assert written[0] == written[1]


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


@pytest.fixture
async def answering() -> AsyncIterator[LoopbackServer]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    async with LoopbackServer([("GET", "/health", answer)]) as server:
        yield server


async def test_the_command_that_waits_ends_when_all_answer(answering: LoopbackServer) -> None:
    script = ALL["ready"]["command"][0]
    process = await start_python("-c", script, f"{answering.base_url}/health", f"{answering.base_url}/health")
    assert await process.wait() == 0


async def test_the_command_that_waits_fails_when_one_never_answers(answering: LoopbackServer) -> None:
    script = ALL["ready"]["command"][0].replace("range(180)", "range(1)")
    process = await start_python("-c", script, f"{answering.base_url}/health", f"{answering.base_url}/nothing")
    assert await process.wait() == 1
