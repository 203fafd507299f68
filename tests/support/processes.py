"""The processes of tests: forked from one that has imported once, and ended with the tests, however these end."""

import atexit
import os
from collections.abc import Mapping
from pathlib import Path
from subprocess import DEVNULL

from mti.stack.launching.launcher import Launcher
from mti.stack.launching.processes import Process
from mti.stack.launching.servers import SHARED, StartedServer
from mti.stack.stack import MODULES

ROOT = Path(__file__).parents[2]
COMMANDS = ("up", "demo", "simulate", "bus", "status", "backfill", "revoke", "tenants", "dlq", "checkpoints")
SERVER = StartedServer(
    (*MODULES, "mti.cli.application", *(f"mti.cli.{command}" for command in COMMANDS), "mti.simulators")
)


def share() -> None:
    """Let all launchers of this process use one fork server; it is started with the first process."""
    SHARED.server = SERVER
    atexit.register(SERVER.forget)


async def start_python(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    stdout: int = DEVNULL,
    stderr: int | None = None,
    serving: bool = False,
) -> Process:
    """Start `python ARGUMENTS…` at the root of the repository."""
    return await Launcher().start(
        *arguments,
        environment=os.environ if env is None else env,
        folder=ROOT,
        stdout=stdout,
        stderr=stderr,
        serving=serving,
    )
