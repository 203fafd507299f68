"""Runs a block as a reader would: bash, in a folder, with the commands of the house."""

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.house.shell.fences import Fence
from tests.support.waiting import in_time


@dataclass
class Stage:
    """Where the blocks of a page are run, and with what."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    """What stands in a script for what the page says: a small amount, or a simulated server."""
    placeholders: Mapping[str, Callable[[], Awaitable[str]]] = field(default_factory=dict)
    """What is made when a block names it."""

    async def script(self, fence: Fence) -> str:
        """Return what is run."""
        script = fence.script
        for text, instead in self.texts.items():
            script = script.replace(text, instead)
        for text, make in self.placeholders.items():
            if re.search(rf"\b{text}\b", script):
                script = re.sub(rf"\b{text}\b", await make(), script)
        return script

    @property
    def variables(self) -> dict[str, str]:
        """The environment: ours, without what it says of a bus or a store."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MTI_", "OTEL_"))}
        path = f"{Path(sys.prefix) / 'bin'}:{inherited['PATH']}"
        return {**inherited, "PATH": path, "COLUMNS": "200", **self.environment}


async def run(fence: Fence, stage: Stage) -> None:
    """Run a block to its end, and compare what it says with what the page shows.

    Whoever is asked says yes.

    Raises:
        AssertionError: a command fails, or the output has another form.
    """
    if not (stage.folder / ".venv").exists():
        (stage.folder / ".venv").symlink_to(sys.prefix)
    script = await stage.script(fence)
    lines = f"set -euo pipefail\n{script}"
    if fence.serves:
        out, status = await _served(lines, stage)
    else:
        process = await _bash(f"yes | (\n{lines}\n)", stage, asyncio.subprocess.STDOUT)
        said, _ = await in_time(process.communicate())
        # What `yes` ends with, once nobody reads, is no matter.
        out, status = said.decode(), process.returncode
    assert status == 0, f"{fence} ends with {status}:\n{script}\n{out}"
    if fence.output:
        assert re.fullmatch(_form(fence), out), f"{fence} prints another form:\n{out}"


async def _served(lines: str, stage: Stage) -> tuple[str, int | None]:
    """Start what serves, read the line that says that it is ready, and end it."""
    process = await _bash(f"exec {lines.partition(chr(10))[2]}", stage, asyncio.subprocess.DEVNULL)
    assert process.stdout is not None
    try:
        first = await in_time(process.stdout.readline())
        process.terminate()
        rest = await in_time(process.stdout.read())
        return (first + rest).decode(), await in_time(process.wait())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _bash(script: str, stage: Stage, errors: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *("bash", "-c", script),
        cwd=stage.folder,
        env=stage.variables,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=errors,
    )


def _form(fence: Fence) -> str:
    """Return what the output has to match: `…` stands for anything, and of what serves a number for any number."""
    pattern = "".join(".*" if part == "…" else re.escape(part) for part in re.split("(…)", fence.output))
    return re.sub(r"\d+", r"\\d+", pattern) if fence.serves else pattern
