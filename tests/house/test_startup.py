"""What is loaded until a command or a service needs more. It is counted in modules, so that no clock decides."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from mti.cli.commands import _COMMANDS
from mti.cli.help_page import PAGE
from mti.cli.main import app
from tests.support.bus import running_namespace
from tests.support.cli import MTI

SAY = "import json, sys; sys.stdout.write('\\n' + json.dumps(sorted(sys.modules)))"
SDKS = {"azure.cosmos", "azure.identity", "azure.keyvault", "azure.monitor", "azure.servicebus.aio.management"}
TELEMETRY = {"opentelemetry.sdk", "opentelemetry.exporter"}
TERMINAL = {"rich", "typer"}
LOCAL = {
    "mti.stack",
    "mti.simulators",
    "mti.simulation",
    "servicebus_local",
    "mti.operations",
    "mti.cli",
    "aiohttp.web",
    "lark",
}
UNUSED_BY_A_SERVICE = SDKS | TELEMETRY | TERMINAL | LOCAL | {"aiohttp", "cryptography", "psutil"}
ROOT = Path(__file__).parents[2]
SERVICES = ("fetcher", "normalizer", "publisher")


def loaded(code: str, *arguments: str, env: dict[str, str] | None = None) -> set[str]:
    """Run code in a Python of its own, and return the modules that it has loaded."""
    ran = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, env=env)
    return set(json.loads(ran.stdout.splitlines()[-1]))


def of(packages: Iterable[str], modules: set[str]) -> set[str]:
    """Return the packages of which something is loaded."""
    return {name for name in packages if any(found == name or found.startswith(f"{name}.") for found in modules)}


def said_by(*arguments: str) -> str:
    """Return code that runs the command, and then says what is loaded."""
    words = ["mti", *arguments]
    return f"import sys\nsys.argv = {words}\nfrom mti.cli.main import main\ntry: main()\nexcept SystemExit: pass\n{SAY}"


def test_the_page_of_all_commands_loads_nothing_but_itself() -> None:
    modules = loaded(said_by("--help"))
    assert of(UNUSED_BY_A_SERVICE | {"pydantic", "httpx", "asyncio", "yaml", "json.tool"}, modules) == {"mti.cli"}
    assert {name for name in modules if name.startswith("mti.cli.")} == {"mti.cli.main", "mti.cli.help_page"}


@pytest.mark.parametrize("arguments", [(), ("no-such-command",), ("--no-such-option",)])
def test_what_concerns_no_command_loads_none(arguments: tuple[str, ...]) -> None:
    modules = loaded(said_by(*arguments))
    assert (
        of(
            {
                "azure",
                "httpx",
                "yaml",
                "mti.stack",
                "mti.simulators",
                "mti.simulation",
                "servicebus_local",
                "mti.operations",
                "rich",
            },
            modules,
        )
        == set()
    )


@pytest.mark.parametrize("arguments", [("status", "--help"), ("tenants", "--help"), ("checkpoints", "show", "--help")])
def test_commands_that_look_at_the_documents_load_no_sdk(arguments: tuple[str, ...]) -> None:
    modules = loaded(said_by(*arguments))
    assert of({"azure", "aiohttp", "cryptography", "opentelemetry.sdk", "mti.simulators"}, modules) == set()


@pytest.mark.parametrize("command", ["up", "dlq", "backfill", "revoke"])
def test_commands_that_use_the_bus_load_no_other_sdk(command: str) -> None:
    modules = loaded(said_by(command, "--help"))
    assert of(SDKS | TELEMETRY | {"aiohttp", "cryptography", "mti.simulators"}, modules) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_imported_without_what_only_some_of_its_runs_use(service: str) -> None:
    modules = loaded(f"import mti.{service}.worker\n{SAY}")
    assert of(UNUSED_BY_A_SERVICE, modules) == set()
    assert ("httpx" in modules) is (service != "normalizer")


def test_the_records_of_the_publisher_load_no_client_of_anything() -> None:
    modules = loaded(f"import mti.publisher.records\n{SAY}")
    assert of(UNUSED_BY_A_SERVICE | {"azure", "httpx", "httpcore"}, modules) == set()
    assert {name for name in modules if name.startswith("mti.publisher.")} == {
        "mti.publisher.records",
        *(name for name in modules if name.startswith("mti.publisher.records.")),
    }


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_that_has_started_on_embedded_settings_has_loaded_no_more(service: str, tmp_path: Path) -> None:
    code = f"""
import asyncio, logging
from mti.{service} import worker
stop = asyncio.Event()
class Started(logging.Handler):
    def emit(self, record):
        if record.getMessage() == "the {service} starts":
            stop.set()
logging.getLogger("mti.{service}.worker").addHandler(Started())
asyncio.run(worker.main(stop))
{SAY}
"""
    async with running_namespace(tmp_path / "bus") as namespace:
        env = {
            "MTI_SERVICEBUS_CONNECTION_STRING": namespace.connection_string,
            "MTI_STORE": f"sqlite:{tmp_path / 'store.db'}",
            "MTI_TENANTS_FILE": str(ROOT / "tenants.example.yaml"),
        }
        modules = await asyncio.to_thread(loaded, code, env=env)
    assert of(UNUSED_BY_A_SERVICE, modules) == set()


def test_the_page_of_all_commands_is_what_the_command_line_says() -> None:
    ran = subprocess.run([sys.executable, "-c", _typer_itself()], capture_output=True, text=True, check=True)
    assert ran.stdout == PAGE


@pytest.mark.parametrize("columns", ["", "0", "nonsense", "80", "200"])
def test_the_page_is_shown_at_once_on_terminals_of_a_usual_width(columns: str) -> None:
    ran = subprocess.run([MTI, "--help"], capture_output=True, text=True, check=True, env={"COLUMNS": columns})
    assert ran.stdout == PAGE


@pytest.mark.parametrize("columns", ["79", "60", "20"])
def test_on_a_narrow_terminal_the_page_is_laid_out_for_it(columns: str) -> None:
    env = {"COLUMNS": columns}
    ran = subprocess.run([MTI, "--help"], capture_output=True, text=True, check=True, env=env)
    wanted = subprocess.run(
        [sys.executable, "-c", _typer_itself()], capture_output=True, text=True, check=True, env=env
    )
    assert ran.stdout == wanted.stdout != PAGE


def test_what_is_said_of_a_command_in_the_list_is_what_it_says_of_itself() -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    said = {name: command.get_short_help_str(10_000) for name, command in root.commands.items()}
    assert said == {name: text for name, (_, text) in _COMMANDS.items()}


def _typer_itself() -> str:
    return "import sys\nsys.argv = ['mti', '--help']\nfrom mti.cli.application import run\nrun()"
