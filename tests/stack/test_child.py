"""A process of the stack that dies while it starts."""

import asyncio
import signal
import textwrap
from pathlib import Path

import pytest

from mti.stack.child import Child
from mti.stack.errors import StackError
from mti.stack.launching.launcher import Launcher


def child(folder: Path, code: str) -> Child:
    program = folder / "program.py"
    program.write_text(textwrap.dedent(code))
    return Child(Launcher(), "bus", [str(program), str(folder)], {}, folder / "bus.jsonl", announces=True)


DIES_TWICE = """
    import os, pathlib, signal, sys, time
    lives = pathlib.Path(sys.argv[1], "lives")
    lives.touch()
    lives.write_text(lives.read_text() + "x")
    if len(lives.read_text()) < 3:
        os.kill(os.getpid(), signal.SIGKILL)
    print("ready", flush=True)
    time.sleep(3600)
"""


async def test_one_that_is_killed_before_it_is_ready_is_waited_for_in_its_next_life(tmp_path: Path) -> None:
    bus = child(tmp_path, DIES_TWICE)
    await bus.start()
    try:
        assert await bus.first_line(240) == "ready\n"
        assert bus.restarts == 2
    finally:
        await bus.stop()


async def test_one_that_ends_by_itself_before_it_is_ready_is_not_waited_for(tmp_path: Path) -> None:
    bus = child(tmp_path, "import sys; sys.stderr.write('the folder is taken'); sys.exit(1)")
    await bus.start()
    try:
        with pytest.raises(StackError, match=r"(?s)bus did not come up; .*bus\.jsonl says why:.*the folder is taken"):
            await bus.first_line(240)
    finally:
        await bus.stop()


async def test_one_that_is_killed_in_every_life_is_given_up(tmp_path: Path) -> None:
    bus = child(tmp_path, f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})")
    await bus.start()
    try:
        with pytest.raises(StackError, match="bus ended with status -9 and does not come up"):
            await bus.first_line(240)
    finally:
        await bus.stop()


async def test_one_that_says_nothing_is_not_waited_for_longer_than_that(tmp_path: Path) -> None:
    bus = child(tmp_path, "import time; time.sleep(3600)")
    await bus.start()
    try:
        with pytest.raises(StackError, match="bus did not come up"):
            await asyncio.wait_for(bus.first_line(0.2), 240)
    finally:
        await bus.stop()
