"""A fork server that is forked from a process itself: for a command that has imported what its processes need."""

import asyncio
import json
import os
import sys
import textwrap
from pathlib import Path
from subprocess import PIPE

import psutil
import pytest

from mti.simulators import Simulators
from mti.stack.launching.launcher import FORKING
from tests.stack.launching.test_launching import until_gone
from tests.support.cli import MTI, up
from tests.support.worlds import assert_exact, two_tenants

pytestmark = pytest.mark.skipif(not FORKING, reason="a fork is not safe on this platform")

COMMAND = """
import asyncio, os, signal, sys, threading
from subprocess import PIPE
from mti.stack.launching.from_here import fork_from_here
from mti.stack.launching.launcher import Launcher
from mti.stack.launching.servers import SHARED

SAY = "import sys; print('mti.common.telemetry' in sys.modules, sys.argv, sys.stdin.read() == '')"

async def said(launcher, code=SAY):
    process = await launcher.start("-c", code, stdout=PIPE)
    out, _ = await process.communicate()
    return process, out.decode().strip()

async def main():
    launcher = Launcher(["mti.common.telemetry"])
{body}
    launcher.close()

{before}
print("said before")
if (serve := fork_from_here(["mti.common.telemetry"])) is not None:
    serve()
    sys.exit()
asyncio.run(main())
"""


async def ran(body: str, before: str = "") -> list[str]:
    code = COMMAND.format(body=textwrap.indent(textwrap.dedent(body), "    "), before=before)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    first, *rest = out.decode().splitlines()
    assert first == "said before"  # once: no other process has it in its buffer
    return rest


async def test_programs_are_forked_from_what_the_command_has_imported() -> None:
    said = await ran("""
        print((await said(launcher))[1])
        print(launcher.own.pid, SHARED.server is not None)
    """)
    assert said == ["True ['-c'] True", "None True"]


async def test_streams_that_are_closed_are_no_obstacle() -> None:
    code = COMMAND.format(body="    os._exit(7 if SHARED.server else 1)", before="sys.stdout = sys.stderr = None")
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 7


async def test_after_the_end_of_the_server_programs_are_started_all_the_same() -> None:
    said = await ran("""
        first = await launcher.start("-c", "import time; time.sleep(3600)")
        os.kill(SHARED.server._pid, signal.SIGKILL)
        print(await first.wait())
        for _ in range(2):
            print((await said(launcher))[1])
        print(launcher.own.pid is not None, SHARED.server)
    """)
    assert said == ["70", "False ['-c'] True", "True ['-c'] True", "True None"]


async def test_where_a_thread_runs_nothing_is_forked_from_here() -> None:
    before = "threading.Thread(target=threading.Event().wait, daemon=True).start()"
    said = await ran("print((await said(launcher))[1], SHARED.server)", before)
    assert said == ["True ['-c'] True None"]


async def test_a_run_of_the_stack_needs_one_process_that_imports(tmp_path: Path) -> None:
    tenants, data = tmp_path / "tenants.yaml", tmp_path / "data"
    async with Simulators(two_tenants(detections=20)) as world:
        env = {**os.environ, **world.write_tenants(tenants)}
        process = await asyncio.create_subprocess_exec(MTI, *map(str, up(tenants, data)), env=env, stdout=PIPE)
        below: set[psutil.Process] = set()
        ended = asyncio.create_task(process.communicate())
        while not ended.done():
            below |= set(psutil.Process(process.pid).children(recursive=True)) if len(below) < 5 else set()
            await asyncio.sleep(0.02)
        out, _ = await ended
        assert process.returncode == 0
        assert_exact(world)
    assert json.loads(out)["closed"]
    await until_gone(*(each.pid for each in below))
    assert len(below) == 5
    for service in ("fetcher", "normalizer", "publisher"):
        lines = (data / "logs" / f"{service}-1.jsonl").read_text().splitlines()
        assert all(json.loads(line)["service"] == service for line in lines)
        assert sum(json.loads(line)["message"] == f"the {service} starts" for line in lines) == 1


async def test_a_stack_that_is_killed_takes_all_its_processes_with_it(tmp_path: Path) -> None:
    tenants, data = tmp_path / "tenants.yaml", tmp_path / "data"
    async with Simulators(two_tenants(detections=20)) as world:
        env = {**os.environ, **world.write_tenants(tenants)}
        process = await asyncio.create_subprocess_exec(MTI, *map(str, up(tenants, data)), env=env, stdout=PIPE)
        async with asyncio.timeout(60):
            while len(below := psutil.Process(process.pid).children(recursive=True)) < 5:
                await asyncio.sleep(0.05)
        process.kill()
        out, _ = await process.communicate()  # nobody keeps the pipe
        assert out == b""
        await until_gone(*(each.pid for each in below))
