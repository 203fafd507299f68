"""Function apps as processes on Python 3.13: the small host of `host.py` with the real worker library."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.functions.apps import ROOT, folder_of
from tests.support.waiting import in_time

PYTHON = ROOT / ".cache/functions/bin/python"
"""As `make setup` makes it, where there is a Python 3.13."""
needs_worker = pytest.mark.skipif(not PYTHON.exists(), reason="python 3.13 not found: the worker library was not run")


@dataclass
class App:
    """One app that runs.

    Args:
        process: its host.
        functions: what was indexed.
        port: of its HTTP.
        seconds: that indexing took.
    """

    process: asyncio.subprocess.Process
    functions: list[str]
    port: int
    seconds: float

    async def ask(self, path: str, method: str = "GET", document: Any = None) -> tuple[int, Any]:
        """Return status and document of a function that is asked over HTTP, with a document where one is given."""
        async with httpx.AsyncClient(timeout=120) as client:
            answer = await client.request(method, f"http://127.0.0.1:{self.port}/api/{path}", json=document)
        return answer.status_code, answer.json() if answer.content else None

    async def kill(self) -> None:
        """Kill the process as a machine that fails does."""
        self.process.kill()
        await in_time(self.process.wait())

    async def stop(self) -> None:
        """End the process."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), 15)
            except TimeoutError:
                await self.kill()


async def start(folder: Path, env: Mapping[str, str], errors: Path, python: Path = PYTHON) -> App:
    """Start an app, and return when it is indexed.

    Args:
        folder: with `function_app.py` and `host.json`.
        env: its app settings.
        errors: where its stderr is written to.
        python: the interpreter.
    """
    with errors.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            str(python),
            str(Path(__file__).with_name("host.py")),
            str(folder),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env={"PATH": os.environ["PATH"], "HOME": str(errors.parent), **env},
        )
    assert process.stdout is not None
    line = await in_time(process.stdout.readline())
    assert line, errors.read_text()[-4000:]
    said = json.loads(line)
    return App(process, said["functions"], said["port"], said["seconds"])


@asynccontextmanager
async def apps(services: Mapping[str, Mapping[str, str]], folder: Path) -> AsyncIterator[dict[str, App]]:
    """Run apps, by their services' names with their settings; whatever a test has put in their place ends with them."""
    found: dict[str, App] = {}
    try:
        for service, env in services.items():
            found[service] = await start(folder_of(service), env, folder / f"{service}.log")
        yield found
    finally:
        await asyncio.gather(*(app.stop() for app in found.values()))
