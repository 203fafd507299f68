"""A pure test that opens a socket, starts a process or waits is stopped, and fails."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import purity
from tests.support.waiting import in_time

ROOT = Path(__file__).parents[2]


def connect() -> None:
    with socket.socket() as one:
        one.connect(("127.0.0.1", 9))


def bind() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))


ACTS: dict[str, Callable[[], object]] = {
    "connects a socket": connect,
    "binds a socket": bind,
    "asks for an address": lambda: socket.getaddrinfo("localhost", 80),
    "starts a process": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
    "sleeps for 0.01 s": lambda: time.sleep(0.01),
}


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> purity.Watch:
    """What watches over a pure test watches over this one."""
    watch = purity.Watch()
    monkeypatch.setattr(purity, "_watching", [watch])
    purity._forbid_waiting(monkeypatch, watch)
    return watch


@pytest.mark.parametrize("what", ACTS)
def test_what_no_pure_test_does_is_stopped_and_noted(what: str, watch: purity.Watch) -> None:
    with pytest.raises(purity.Impure, match=what):
        ACTS[what]()
    assert [each for each in watch.seen if each.startswith(what)] == watch.seen != []


def test_a_fork_is_noted_too(watch: purity.Watch) -> None:
    with pytest.raises(purity.Impure, match="starts a process"):
        os.fork()


def test_so_is_a_sleep_on_an_event_loop_but_not_a_turn_for_others(watch: purity.Watch) -> None:
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)

    asyncio.run(sleep(0))
    assert watch.seen == []
    with pytest.raises(purity.Impure, match=r"sleeps for 0\.01 s"):
        asyncio.run(sleep(0.01))


def test_a_thread_of_the_test_is_watched_and_one_that_was_there_before_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    begin, told = threading.Event(), []

    def older() -> None:
        begin.wait()
        told.append(raised(bind))

    before = threading.Thread(target=older)
    before.start()
    watch = purity.Watch()
    monkeypatch.setattr(purity, "_watching", [watch])
    begin.set()
    before.join()
    own = threading.Thread(target=lambda: told.append(raised(bind)))
    own.start()
    own.join()
    assert [type(each) for each in told] == [type(None), purity.Impure]
    assert len(watch.seen) == 1


def raised(act: Callable[[], object]) -> BaseException | None:
    try:
        act()
    except purity.Impure as stopped:
        return stopped
    return None


MODULE = """
import contextlib
import socket

import pytest

pytestmark = pytest.mark.pure


def test_nothing():
    pass


def test_caught():
    with contextlib.suppress(Exception), socket.socket() as one:
        one.bind(("127.0.0.1", 0))
"""


async def test_a_pure_test_fails_even_where_the_code_under_test_catches_what_stopped_it(tmp_path: Path) -> None:
    module = tmp_path / "test_module.py"
    module.write_text(MODULE)
    words = ("-m", "pytest", "-q", "-p", "tests.support.purity", "-p", "no:cacheprovider", "--rootdir", str(ROOT))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, "-c", str(ROOT / "pyproject.toml"), str(module), cwd=ROOT, stdout=PIPE, stderr=STDOUT
    )
    out, _ = await in_time(process.communicate())
    assert process.returncode == 1, out.decode()
    assert "a pure test binds a socket (socket.bind): mend it, or unmark its module" in out.decode()
    assert "2 passed, 1 error" in out.decode()
