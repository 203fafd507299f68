"""A service says whether it is well: real processes that work, wait, stand still or have something that never ends."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from socket import create_server

import pytest

from mti.simulators import MimecastFault, MimecastFaultKind, Simulators
from mti.stack.launching.processes import Process
from servicebus_local import Namespace
from tests.support.bus import config_with, running_namespace
from tests.support.processes import start_python
from tests.support.waiting import in_time, until
from tests.support.worlds import two_tenants

SERVICES = ("fetcher", "normalizer", "publisher")


@pytest.fixture
def socket() -> Iterator[str]:
    """An address that is short enough for a socket's path, wherever the tests' folder is."""
    with tempfile.TemporaryDirectory(prefix="mti-") as folder:
        yield f"unix:{folder}/health"


def environment(service: str, folder: Path, bus: str, health: str) -> dict[str, str]:
    return {
        "MTI_SERVICEBUS_CONNECTION_STRING": bus,
        "MTI_STORE": f"sqlite:{folder / service}.db",
        "MTI_TENANTS_FILE": str(folder / "tenants.yaml"),
        "MTI_ALLOW_LOOPBACK": "true",
        "MTI_HEALTH": health,
    }


def free_port() -> int:
    with create_server(("127.0.0.1", 0)) as held:
        found: int = held.getsockname()[1]
    return found


@asynccontextmanager
async def service(name: str, settings: Mapping[str, str], folder: Path) -> AsyncIterator[Process]:
    """Run one; it is killed in the end, whether it is stopped or not."""
    with (folder / f"{name}.log").open("ab") as log:
        process = await start_python("-m", f"mti.{name}", env={**os.environ, **settings}, stderr=log.fileno())
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await in_time(process.wait())


async def asked(what: str, health: str) -> tuple[int, str]:
    """Return exit status and words of the health check of a container."""
    asking = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mti.common.probe",
        what,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "MTI_HEALTH": health},
    )
    _, said = await in_time(asking.communicate())
    assert asking.returncode is not None
    return asking.returncode, said.decode()


async def says(what: str, health: str, status: int, words: str = "") -> bool:
    found, said = await asked(what, health)
    assert "Traceback" not in said, said
    return found == status and words in said


@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_that_works_is_alive_and_ready(name: str, tmp_path: Path, socket: str) -> None:
    async with Simulators(two_tenants(detections=10)) as world, running_namespace(tmp_path / "bus") as namespace:
        secrets = world.write_tenants(tmp_path / "tenants.yaml")
        settings = environment(name, tmp_path, namespace.connection_string, socket)
        async with service(name, {**secrets, **settings}, tmp_path) as process:
            await until(lambda: says("ready", socket, 0))
            assert await asked("live", socket) == (0, "")
            process.terminate()
            assert await in_time(process.wait()) == 0
        assert (await asked("live", socket))[0] == 1


async def test_a_service_that_waits_for_its_bus_is_alive_and_not_ready_until_it_comes(
    tmp_path: Path, socket: str
) -> None:
    config = config_with(tmp_path / "Config.json")
    async with Simulators(two_tenants(detections=10)) as world:
        secrets = world.write_tenants(tmp_path / "tenants.yaml")
        async with Namespace(config, tmp_path / "data") as namespace:
            bus, port = namespace.connection_string, namespace.port
        async with service("normalizer", {**secrets, **environment("normalizer", tmp_path, bus, socket)}, tmp_path):
            await until(lambda: says("live", socket, 0))
            await until(lambda: says("ready", socket, 1, "BusUnavailable"))
            assert await says("live", socket, 0)
            async with Namespace(config, tmp_path / "data", port):
                await until(lambda: says("ready", socket, 0))
            await until(lambda: says("ready", socket, 1, "BusUnavailable"))
            assert await says("live", socket, 0)


async def test_a_process_that_stands_still_is_not_alive(tmp_path: Path, socket: str) -> None:
    async with Simulators(two_tenants(detections=10)) as world, running_namespace(tmp_path / "bus") as namespace:
        secrets = world.write_tenants(tmp_path / "tenants.yaml")
        settings = environment("publisher", tmp_path, namespace.connection_string, socket)
        async with service("publisher", {**secrets, **settings}, tmp_path) as process:
            await until(lambda: says("live", socket, 0))
            os.kill(process.pid, signal.SIGSTOP)
            assert await says("live", socket, 1, "does not answer")
            os.kill(process.pid, signal.SIGCONT)
            await until(lambda: says("live", socket, 0))


async def test_a_service_with_something_in_hand_that_never_ends_is_not_alive(tmp_path: Path, socket: str) -> None:
    hangs = MimecastFault(name="hangs", kind=MimecastFaultKind.HANG, times=None)
    scenario = two_tenants(detections=10, mimecast_faults=[hangs])
    async with Simulators(scenario) as world, running_namespace(tmp_path / "bus") as namespace:
        secrets = world.write_tenants(tmp_path / "tenants.yaml")
        settings = environment("fetcher", tmp_path, namespace.connection_string, socket)
        async with service("fetcher", {**secrets, **settings, "MTI_HEALTH_STUCK_SECONDS": "3"}, tmp_path):
            await until(lambda: says("live", socket, 0))
            await until(lambda: says("live", socket, 1, "a batch of fetch-jobs has been in hand for"))
            assert await says("ready", socket, 1)


async def test_a_port_is_asked_as_a_socket_is(tmp_path: Path) -> None:
    async with Simulators(two_tenants(detections=10)) as world, running_namespace(tmp_path / "bus") as namespace:
        secrets = world.write_tenants(tmp_path / "tenants.yaml")
        health = f"tcp:127.0.0.1:{free_port()}"
        settings = environment("normalizer", tmp_path, namespace.connection_string, health)
        async with service("normalizer", {**secrets, **settings}, tmp_path):
            await until(lambda: says("ready", health, 0))
            other = {**secrets, **settings, "MTI_STORE": f"sqlite:{tmp_path / 'other'}.db"}
            async with service("normalizer", other, tmp_path) as second:
                assert await in_time(second.wait()) == 2
            assert f"MTI_HEALTH: {health} can't be listened on" in (tmp_path / "normalizer.log").read_text()


def test_who_asks_needs_to_know_where() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "MTI_HEALTH"}
    command = [sys.executable, "-m", "mti.common.probe"]
    for words in ([], ["well"], ["live"]):
        said = subprocess.run([*command, *words], env=environ, capture_output=True, text=True, check=False)
        assert said.returncode == 2
        assert "Traceback" not in said.stderr


def test_who_asks_loads_nothing_but_the_standard_library() -> None:
    code = "import json, sys, mti.common.probe; print(json.dumps([name.partition('.')[0] for name in sys.modules]))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"aiohttp", "pydantic", "azure", "opentelemetry", "yaml"} & set(json.loads(ran.stdout))
