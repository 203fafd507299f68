"""Programs that are started: forked from one that has imported once, or each by itself, with no other difference."""

import asyncio
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import PIPE

import psutil
import pytest

from mti.stack.launching.launcher import FORKING, Launcher
from mti.stack.launching.lifeline import ORPHANED
from mti.stack.launching.servers import SHARED

FORKED = pytest.param(True, marks=pytest.mark.skipif(not FORKING, reason="a fork is not safe on this platform"))
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here launchers have fork servers of their own."""
    monkeypatch.setattr(SHARED, "server", None)


@pytest.fixture(params=[FORKED, False], ids=["forked", "alone"])
async def launcher(request: pytest.FixtureRequest) -> AsyncIterator[Launcher]:
    found = Launcher(["mti.stack.launching.lifeline"], forking=request.param)
    yield found
    found.close()


@pytest.fixture
async def forking() -> AsyncIterator[Launcher]:
    if not FORKING:
        pytest.skip("a fork is not safe on this platform")
    found = Launcher(["mti.common.telemetry"])
    yield found
    found.close()


def is_there(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def until_gone(*pids: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while any(is_there(pid) for pid in pids):
            await asyncio.sleep(0.05)


async def test_a_program_has_the_arguments_environment_folder_and_streams_that_it_was_given(
    launcher: Launcher, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys; print(sys.argv[1:], os.environ, os.getcwd(), sys.stdin.read() == '', __name__);"
        "print('a word', file=sys.stderr)"
    )
    process = await launcher.start(
        str(program), "one", "two", environment={"LC_ALL": "C.UTF-8"}, folder=tmp_path, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert out.decode().split("\n")[0] == f"['one', 'two'] environ({{'LC_ALL': 'C.UTF-8'}}) {tmp_path} True __main__"
    assert err == b"a word\n"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("pass", 0),
        ("raise SystemExit(3)", 3),
        ("raise SystemExit('no')", 1),
        ("1 / 0", 1),
        ("import os; os._exit(9)", 9),
    ],
)
async def test_it_ends_with_its_own_status(launcher: Launcher, code: str, status: int) -> None:
    process = await launcher.start("-c", code, stdout=PIPE, stderr=PIPE)
    _, err = await process.communicate()
    assert await process.wait() == process.returncode == status
    assert (b"ZeroDivisionError" in err) is ("1 / 0" in code)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_it_is_really_ended_by_a_signal_and_says_by_which(launcher: Launcher, number: signal.Signals) -> None:
    process = await launcher.start("-c", "import time; print(flush=True); time.sleep(3600)", stdout=PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    assert process.pid != os.getpid()
    process.send_signal(number)
    assert await process.wait() == -number
    assert not is_there(process.pid)


async def test_ctrl_c_is_a_keyboard_interrupt(launcher: Launcher) -> None:
    code = "import time\ntry:\n print(flush=True); time.sleep(3600)\nexcept KeyboardInterrupt: raise SystemExit(7)"
    process = await launcher.start("-c", code, stdout=PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 7


async def test_a_module_of_the_folder_is_run_as_a_module_and_shown_as_its_command_line(
    launcher: Launcher, tmp_path: Path
) -> None:
    (tmp_path / "found_here.py").write_text("import sys, time; print(sys.argv[1:], flush=True); time.sleep(3600)")
    process = await launcher.start("-m", "found_here", "there", folder=tmp_path, stdout=PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"['there']\n"
    shown = psutil.Process(process.pid).cmdline()
    assert "-m found_here there" in " ".join(shown)
    process.kill()
    await process.wait()


async def test_what_the_environment_tells_python_itself_holds(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import atexit; atexit.register(lambda: print('customized'))")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    process = await launcher.start("-c", "import sys; print(sys.orig_argv[1:2])", environment=env, stdout=PIPE)
    assert (await process.communicate())[0] == b"['-c']\ncustomized\n"


async def test_a_program_sees_its_own_command_line(launcher: Launcher) -> None:
    process = await launcher.start("-c", "import sys; print(sys.orig_argv[1], sys.argv)", "one", stdout=PIPE)
    assert (await process.communicate())[0] == b"-c ['-c', 'one']\n"


@pytest.mark.parametrize("way", [FORKED, False], ids=["forked", "alone"])
async def test_programs_end_when_who_started_them_is_killed(tmp_path: Path, way: bool) -> None:
    parent = textwrap.dedent(f"""
        import asyncio, os
        from subprocess import PIPE
        from mti.stack.launching.launcher import Launcher

        async def main():
            launcher = Launcher(["mti.stack.launching.lifeline"], forking={way})
            pids = []
            for _ in range(3):
                child = await launcher.start(
                    "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True);"
                    "time.sleep(3600)", stdout=PIPE, new_session=True)
                await child.stdout.readline()
                pids.append(child.pid)
            print(*pids, *([launcher.own.pid] if {way} else []), flush=True)
            await asyncio.sleep(3600)

        asyncio.run(main())
    """)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", parent, stdout=PIPE)
    assert process.stdout is not None
    pids = [int(word) for word in (await process.stdout.readline()).split()]
    assert len(pids) == 3 + way
    assert all(is_there(pid) for pid in pids)
    process.kill()
    await process.communicate()
    await until_gone(*pids)


async def test_when_the_fork_server_is_killed_its_programs_end_and_the_next_one_starts(forking: Launcher) -> None:
    code = "import time; print('there', flush=True); time.sleep(3600)"
    first, second = [await forking.start("-c", code, stdout=PIPE) for _ in range(2)]
    assert forking.own is not None
    assert forking.own.pid is not None
    os.kill(forking.own.pid, signal.SIGKILL)
    assert await first.wait() == await second.wait() == ORPHANED
    await until_gone(first.pid, second.pid)
    for _ in range(2):
        again = await forking.start("-c", code, stdout=PIPE)
        assert again.stdout is not None
        assert await again.stdout.readline() == b"there\n"
        again.kill()
        assert await again.wait() == -signal.SIGKILL


async def test_a_program_that_starts_programs_has_them_forked_too_and_as_its_own_descendants(forking: Launcher) -> None:
    code = textwrap.dedent("""
        import asyncio, os, psutil
        from subprocess import PIPE
        from mti.stack.launching.launcher import Launcher

        async def main():
            child = await Launcher().start("-c", "import sys; print('opentelemetry' in sys.modules)", stdout=PIPE)
            below = [found.pid for found in psutil.Process().children(recursive=True)]
            out, _ = await child.communicate()
            print(child.pid in below, out.decode().strip())

        asyncio.run(main())
    """)
    process = await forking.start("-c", code, stdout=PIPE, serving=True)
    out, _ = await process.communicate()
    assert out == b"True True\n"


async def test_forked_programs_do_not_draw_the_same_trace_ids(forking: Launcher) -> None:
    code = (
        "from mti.common.telemetry import active, span\nfrom opentelemetry.trace import SpanKind\n"
        "with span('x', SpanKind.PRODUCER) as found: print(found.get_span_context().trace_id)"
    )
    processes = [await forking.start("-c", code, stdout=PIPE) for _ in range(3)]
    drawn = {(await process.communicate())[0] for process in processes}
    assert len(drawn) == 3


async def test_where_a_module_starts_a_thread_nothing_is_forked_and_programs_run_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "threaded.py").write_text(
        "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    launcher = Launcher(["threaded"])
    process = await launcher.start("-c", "print('ran')", stdout=PIPE)
    assert (await process.communicate())[0] == b"ran\n"
    launcher.close()


async def test_many_programs_at_once_each_have_their_own_end(forking: Launcher) -> None:
    processes = await asyncio.gather(*(forking.start("-c", f"raise SystemExit({n})") for n in range(30)))
    assert [await process.wait() for process in processes] == list(range(30))
