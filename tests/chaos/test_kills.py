"""Killing any process at any instant loses nothing and leaves no double: real processes, really killed."""

import asyncio
import contextlib
import json
import os
import random
import signal
from pathlib import Path

import psutil
import pytest

from mti.simulators import SentinelFault, SentinelFaultKind, Simulators
from tests.support.cli import mti, start, up
from tests.support.waiting import PATIENCE, until
from tests.support.worlds import assert_exact, two_tenants


def descendants(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


async def until_delivering(world: Simulators, objects: int) -> None:
    """Wait until Sentinel has accepted that many objects: the work is truly under way."""
    await until(
        lambda: sum(found.counts["accepted_objects"] for found in world.sentinel.workspaces.values()) >= objects
    )


def slow_sentinel() -> SentinelFault:
    return SentinelFault(name="slow", kind=SentinelFaultKind.SLOW, seconds=0.3, times=None)


async def test_a_stack_that_is_killed_half_way_goes_on_where_it_stopped(tmp_path: Path) -> None:
    rng = random.Random(4)
    async with Simulators(two_tenants(detections=1500, page_size=100, sentinel_faults=[slow_sentinel()])) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml")
        arguments = up(tmp_path / "tenants.yaml", tmp_path / "data")
        for goal in (1, 150, 300):
            process = await start(*arguments, env=env)
            await until_delivering(world, goal)
            await asyncio.sleep(rng.uniform(0, 0.5))
            process.kill()
            await process.communicate()
        world.sentinel.faults.clear()
        said = await mti(*arguments, env=env)
        assert said.status == 0, said.err
        assert_exact(world)
        assert said.document["totals"]["lost"] == 0
        for found in said.document["sources"]:
            parts = found["new"] + found["refreshed"] + found["suppressed"] + sum(found["rejected"].values())
            assert found["detections"] == parts


async def test_a_stack_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    async with Simulators(two_tenants(sentinel_faults=[slow_sentinel()])) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml")
        process = await start(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        await until_delivering(world, 1)
        children = descendants(process.pid)
        process.kill()
        await process.communicate()
        gone, alive = await asyncio.to_thread(psutil.wait_procs, children, PATIENCE)
    assert len(gone) >= 4
    assert alive == []


@pytest.mark.parametrize("victim", ["bus", "fetcher", "normalizer", "publisher"])
async def test_a_process_of_the_stack_that_is_killed_again_and_again_is_started_again_and_loses_nothing(
    tmp_path: Path, victim: str
) -> None:
    rng = random.Random(victim)
    async with Simulators(two_tenants(detections=900, page_size=60, sentinel_faults=[slow_sentinel()])) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml")
        process = await start(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        told = asyncio.create_task(process.communicate())
        word = "mti.stack.bus_process" if victim == "bus" else f"mti.{victim}"
        kills = 0
        for goal in (0, 100, 200):
            await until_delivering(world, goal)
            await asyncio.sleep(rng.uniform(0.1, 0.6))
            for child in descendants(process.pid):
                with contextlib.suppress(psutil.Error):
                    if word in child.cmdline():
                        os.kill(child.pid, signal.SIGKILL)
                        kills += 1
        out, err = await told
        assert process.returncode == 0, err.decode()
        assert_exact(world)
    restarts = sum(found["restarts"] for found in json.loads(out)["processes"])
    assert restarts == kills > 0


async def test_ctrl_c_ends_a_run_cleanly_and_the_books_say_what_waits(tmp_path: Path) -> None:
    async with Simulators(two_tenants(detections=1500, sentinel_faults=[slow_sentinel()])) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml")
        process = await start(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        await until_delivering(world, 1)
        children = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
        assert b"Traceback" not in err
        assert not any(child.is_running() for child in children)
        document = json.loads(out)
        assert document["interrupted"] is True
        assert document["totals"]["lost"] == 0
        assert process.returncode == 0
        world.sentinel.faults.clear()
        assert (await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)).status == 0
        assert_exact(world)
