"""A namespace for the tests of any project: put this into the `conftest.py` at its root.

    pytest_plugins = ["servicebus_local.pytest_plugin"]

    def test_it(service_bus):
        client = ServiceBusClient.from_connection_string(service_bus.connection_string)

The namespace runs in a process of its own, once for all tests (for each worker of pytest-xdist), and starts without
entities: create what a test needs with an administration client, under a name of its own. Or say what there is:

    @pytest.fixture(scope="session")
    def service_bus_config():
        return Path("Config.json")  # or its content
"""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

EMPTY: Mapping[str, Any] = {"UserConfig": {"Namespaces": [{"Name": "local"}]}}


class ServiceBusNamespace(NamedTuple):
    """Where the namespace is."""

    connection_string: str
    """For messaging clients, and for administration clients with a transport of `servicebus_local.transports`."""
    port: int
    http_port: int
    certificate: Path
    """For administration clients without such a transport: `connection_verify=str(certificate)`."""


@pytest.fixture(scope="session")
def service_bus_config() -> Path | Mapping[str, Any]:
    """The entities that the namespace starts with: a Config.json or its content."""
    return EMPTY


@pytest.fixture(scope="session")
def service_bus(
    tmp_path_factory: pytest.TempPathFactory, service_bus_config: Path | Mapping[str, Any]
) -> Iterator[ServiceBusNamespace]:
    """A running namespace."""
    folder = tmp_path_factory.mktemp("service-bus")
    config = service_bus_config
    if not isinstance(config, Path):
        config = folder / "Config.json"
        config.write_text(json.dumps(service_bus_config), encoding="utf-8")
    lifeline, held = socket.socketpair()  # the namespace ends when the tests do, however they end
    command = [sys.executable, "-m", "mti.local.launching", str(held.fileno()), "-m", "servicebus_local"]
    command += ["--config", str(config), "--data", str(folder / "data")]
    with (
        lifeline,
        subprocess.Popen(  # noqa: S603 - our own program
            command, stdout=subprocess.PIPE, text=True, pass_fds=[held.fileno()]
        ) as process,
    ):
        held.close()
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        line = process.stdout.readline()
        if not line:
            pytest.fail(f"the local namespace ended with status {process.wait()}; its log tells why", pytrace=False)
        ready = json.loads(line)
        yield ServiceBusNamespace(
            ready["connection_string"], ready["port"], ready["http_port"], Path(ready["certificate"])
        )
        process.terminate()
