"""The `mti` command as a user runs it: a process, its exit status and what it says."""

import io
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from mti.stack.launching.processes import Process
from tests.support.processes import start_python

MTI = str(Path(sys.executable).parent / "mti")


TAKEOVER = 3
"""Seconds that a publisher waits for the requests of one that was killed: simulators answer at once."""


@dataclass(frozen=True)
class Said:
    """What a command said."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found


async def start(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Process:
    """Start the command."""
    return await start_python(
        MTI,
        *map(str, arguments),
        env={**os.environ, "COLUMNS": "200", "MTI_PUBLISHER_TAKEOVER_SECONDS": str(TAKEOVER), **(env or {})},
        stdout=PIPE,
        stderr=PIPE,
        serving=not {"up", "demo"}.isdisjoint(arguments),
    )


async def mti(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Said:
    """Run the command to its end."""
    process = await start(*arguments, env=env)
    try:
        out, err = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), err.decode())


def mti_here(
    capsys: pytest.CaptureFixture[str],
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    says: str = "",
) -> Said:
    """Run the command in this process, where a process of its own would show no more: what it refuses, say."""
    from mti.cli.main import main  # most who use this module start processes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["mti", *map(str, arguments)])
        patch.setattr(sys, "stdin", io.StringIO(says))
        for name, value in {"COLUMNS": "200", **(env or {})}.items():
            patch.setenv(name, value)
        capsys.readouterr()
        status = 0
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
    return Said(status, *capsys.readouterr())


def up(tenants: Path, data: Path, *more: str) -> list[str | Path]:
    """Return the arguments of a run until idle."""
    return ["up", "--tenants", tenants, "--data", data, "--until-idle", "--allow-loopback", "--json", *more]
