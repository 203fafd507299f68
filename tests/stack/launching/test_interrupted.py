"""A run of the tests that is interrupted or killed leaves no process behind."""

import asyncio
import os
import signal
import sys
import textwrap
from pathlib import Path
from subprocess import DEVNULL, STDOUT

import psutil
import pytest

ROOT = Path(__file__).parents[3]
PATIENCE = 100.0

TESTS = textwrap.dedent("""
    import asyncio
    import os
    from pathlib import Path
    from subprocess import PIPE

    import psutil

    from mti.stack.launching.launcher import Launcher
    from servicebus_local import NamespaceProcess
    from tests.support import processes
    from tests.support.cli import start

    pytest_plugins = ["servicebus_local.pytest_plugin"]
    processes.share()


    async def test_that_is_interrupted(service_bus, service_bus_config, tmp_path):
        (tmp_path / "Config.json").write_text('{"UserConfig": {"Namespaces": [{"Name": "local"}]}}')
        async with NamespaceProcess(tmp_path / "Config.json", tmp_path / "one"):
            commands = [
                await start("bus", "--data", tmp_path / "two", "--port", "0", "--http-port", "0"),
                await Launcher(forking=False).start(
                    "-m", "servicebus_local", "--data", str(tmp_path / "three"), stdout=PIPE
                ),
            ]
            for command in commands:
                await command.stdout.readline()
            found = " ".join(str(child.pid) for child in psutil.Process().children(recursive=True))
            (tmp_path / "pids.new").write_text(found)
            (tmp_path / "pids.new").rename(os.environ["PIDS"])
            await asyncio.sleep(3600)
""")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
async def test_a_run_that_is_ended_by_a_signal_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    tests, pids = tmp_path / "test_interrupted_run.py", tmp_path / "pids"
    tests.write_text(TESTS)
    pytest_itself = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    with (tmp_path / "said").open("w") as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *pytest_itself,
            "--basetemp",
            str(tmp_path / "temp"),
            "--timeout",
            "290",
            str(tests),
            cwd=ROOT,
            env={**os.environ, "PIDS": str(pids)},
            stdin=DEVNULL,
            stdout=said,
            stderr=STDOUT,
        )
        try:
            async with asyncio.timeout(PATIENCE):
                while not pids.exists():
                    assert process.returncode is None, (tmp_path / "said").read_text()
                    await asyncio.sleep(0.05)
            children = [psutil.Process(int(pid)) for pid in pids.read_text().split()]
            # Three namespaces, `mti bus`, and the process that the last was forked from.
            assert len(children) >= 5
            process.send_signal(number)
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, 60)
    assert [child.cmdline() for child in alive if child.status() != psutil.STATUS_ZOMBIE] == []
