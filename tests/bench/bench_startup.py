"""Starting: processor time, as ratios to `python -c pass` and to the import of what a service cannot do without."""

import os
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from mti.stack.launching.launcher import Launcher
from mti.stack.stack import MODULES
from tests.bench.results import quick, report
from tests.bench.timing import line
from tests.support.bus import running_namespace
from tests.support.cli import MTI

RUNS = 7
ROOT = Path(__file__).parents[2]
_ALWAYS = "azure.servicebus.aio, pydantic_settings, orjson, opentelemetry.trace, opentelemetry.metrics, yaml"
NEEDED = {"fetcher": f"{_ALWAYS}, httpx", "normalizer": _ALWAYS, "publisher": f"{_ALWAYS}, httpx"}
"""What a service uses in every run, embedded or on Azure: the bus, settings and contracts, JSON, trace ids, the tenants
file, and HTTP where it calls somebody."""

START = """
import asyncio, logging
from mti.{service} import worker
stop = asyncio.Event()
class Started(logging.Handler):
    def emit(self, record):
        if record.getMessage() == "the {service} starts":
            stop.set()
logging.getLogger("mti.{service}.worker").addHandler(Started())
asyncio.run(worker.main(stop))
"""
"""A service until it says that it starts, and told to stop there."""


def cpu(*commands: Sequence[str], env: Mapping[str, str] | None = None, runs: int | None = None) -> list[float]:
    """Return milliseconds of processor time of commands, the least of several runs that take turns."""
    rounds = [[_once(command, env) for command in commands] for _ in range(runs or _runs())]
    return [min(found) for found in zip(*rounds, strict=True)]


def _runs() -> int:
    return 2 if quick() else RUNS


def _once(command: Sequence[str], env: Mapping[str, str] | None) -> float:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 2}:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return 1000 * (used.ru_utime + used.ru_stime)


async def main() -> None:
    """Measure commands, services, and a service that is forked."""
    nothing, help_page, status = cpu([sys.executable, "-c", "pass"], [MTI, "--help"], [MTI, "status", "--help"])
    line("python -c pass", nothing, "ms")
    line("mti --help", help_page, "ms", nothing)
    line("mti status --help", status, "ms", nothing)
    report("help_vs_python", [help_page / nothing], processor_milliseconds=help_page, python_milliseconds=nothing)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        namespace = await stack.enter_async_context(running_namespace(folder / "bus"))
        env = {
            "MTI_SERVICEBUS_CONNECTION_STRING": namespace.connection_string,
            "MTI_STORE": f"sqlite:{folder / 'store.db'}",
            "MTI_TENANTS_FILE": str(ROOT / "tenants.example.yaml"),
        }
        for service, modules in NEEDED.items():
            least, started = cpu(
                [sys.executable, "-c", f"import {modules}"],
                [sys.executable, "-c", START.format(service=service)],
                env=env,
            )
            line(f"import of what the {service} cannot do without", least, "ms")
            line(f"start of the {service}", started, "ms", least)
            line(f"the same, forked by the embedded stack ({service})", await _forked(service, env), "ms", least)
            report(f"{service}_start_vs_imports", [started / least], processor_milliseconds=started)


async def _forked(service: str, env: Mapping[str, str]) -> float:
    """Return milliseconds of processor time of a service that is forked from a process with everything imported."""
    launcher = Launcher(MODULES)
    says = "import time; print(1000 * time.process_time(), flush=True)"
    try:
        found: list[float] = []
        for _ in range(_runs()):
            process = await launcher.start(
                "-c", START.format(service=service) + says, environment=env, stdout=PIPE, stderr=DEVNULL
            )
            out, _ = await process.communicate()
            found.append(float(out))
        return min(found)
    finally:
        launcher.close()
