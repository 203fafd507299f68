"""A namespace for the tests of any project: pytest finds this plugin by itself once the package is installed.

    def test_it(service_bus):
        client = ServiceBusClient.from_connection_string(service_bus.connection_string)

The namespace runs in a process of its own, once for all tests (for each worker of pytest-xdist), and starts without
entities: create what a test needs with an administration client, under a name of its own. Or say what there is:

    @pytest.fixture(scope="session")
    def service_bus_config():
        return Path("Config.json")  # or its content
"""

import json
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
    command = [sys.executable, "-P", "-m", "servicebus_local", "--config", str(config)]
    command += [
        "--data",
        str(folder / "data"),
        "--until-stdin-closes",
    ]  # the namespace ends when the tests do, however they end
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        line = process.stdout.readline()
        if not line:
            pytest.fail(f"the local namespace ended with status {process.wait()}; its log tells why", pytrace=False)
        ready = json.loads(line)
        yield ServiceBusNamespace(
            ready["connection_string"], ready["port"], ready["http_port"], Path(ready["certificate"])
        )
        process.terminate()
