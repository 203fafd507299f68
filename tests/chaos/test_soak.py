"""The long way: many kills at random instants, and a feed of a size that no unit test would wait for."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from mti.stack.demo import Simulation
from tests.support.cli import mti, start, up

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("seed", range(6))
async def test_a_stack_that_is_killed_many_times_delivers_exactly_what_the_feeds_imply(
    tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    async with Simulation(tmp_path, 20_000, seed) as simulation:
        env = {**os.environ, **simulation.secrets()}
        arguments = up(simulation.tenants, tmp_path / "stack", "--scale", f"normalizer={1 + seed % 2}")
        for _ in range(8):
            process = await start(*arguments, env=env)
            try:
                await asyncio.wait_for(process.communicate(), rng.uniform(1, 9))
            except TimeoutError:
                process.kill()
                await process.communicate()
        said = await mti(*arguments, env=env)
        assert said.status == 0, said.err
        for workspace in simulation.workspaces:
            truth = await simulation.truth(workspace)
            assert (truth.lost, truth.doubled, truth.unexpected) == (0, 0, 0)


async def test_half_a_million_detections_are_delivered_in_flat_memory() -> None:
    said = await mti("demo", "--detections", "500000", "--json")
    assert said.status == 0, said.err
    assert said.document["clean"] is True
    for process in said.document["processes"]:
        assert process["peak_rss_mib"] < 400, process
