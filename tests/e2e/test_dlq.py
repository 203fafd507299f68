"""Dead letters of a real run, replayed with the stack asleep, at work, and killed."""

from pathlib import Path

from mti.simulators import SentinelFault, SentinelFaultKind, Simulators
from tests.support.cli import mti, start, up
from tests.support.waiting import until
from tests.support.worlds import CONTOSO, two_tenants


def refusing(value: str) -> SentinelFault:
    kind = SentinelFaultKind.REFUSE_RECORD
    return SentinelFault(name="refused", kind=kind, holds=value, workspace=CONTOSO, times=None)


def one_value() -> str:
    return sorted(Simulators(two_tenants(detections=30)).expected(CONTOSO))[3].value


def held(world: Simulators) -> int:
    """How many observables contoso's workspace has."""
    return len(world.sentinel.workspaces[CONTOSO].observables())


async def test_what_sentinel_refused_is_replayed_while_the_stack_sleeps_and_delivered_by_the_next_run(
    tmp_path: Path,
) -> None:
    tenants, data = tmp_path / "tenants.yaml", tmp_path / "data"
    async with Simulators(two_tenants(detections=30, sentinel_faults=[refusing(one_value())])) as world:
        env = world.write_tenants(tenants)
        assert (await mti(*up(tenants, data), env=env)).status == 0
        assert held(world) == len(world.expected(CONTOSO)) - 1
        listed = await mti("dlq", "list", "--data", data, "--tenant", "contoso", "--json")
        (group,) = listed.document["dead_letters"]
        assert group["reason"] == "ObjectRefused"
        world.sentinel.faults.clear()
        replayed = await mti("dlq", "replay", "--data", data, "--all", "--yes", "--json")
        assert (replayed.status, replayed.document["replayed"]) == (0, group["count"]), replayed.err
        said = await mti(*up(tenants, data), env=env)
        assert (said.status, said.document["dead_letters"]) == (0, []), said.err
        assert world.compare(CONTOSO).clean
        assert held(world) == len(world.expected(CONTOSO))


async def test_a_running_stack_delivers_a_replay_at_once_and_a_killed_one_is_no_obstacle(tmp_path: Path) -> None:
    tenants, data = tmp_path / "tenants.yaml", tmp_path / "data"
    async with Simulators(two_tenants(detections=30, sentinel_faults=[refusing(one_value())])) as world:
        env = world.write_tenants(tenants)
        stack = await start("up", "--tenants", tenants, "--data", data, "--allow-loopback", env=env)
        try:

            async def is_dead() -> bool:
                if not (data / "running.json").exists():
                    return False
                said = await mti("dlq", "list", "--data", data, "--json")
                return said.status == 0 and said.document["total"] > 0

            async def is_whole() -> bool:
                return held(world) == len(world.expected(CONTOSO))

            struck = world.sentinel.faults.struck
            await until(lambda: struck["refused"] > 0)  # seen in this process, while a command is a process of its own
            await until(is_dead)
            times = struck["refused"]
            refused_again = await mti("dlq", "replay", "--data", data, "--reason", "ObjectRefused", "--yes")
            assert refused_again.status == 0, refused_again.err
            await until(lambda: struck["refused"] > times)
            await until(is_dead)
            assert not await is_whole()
            world.sentinel.faults.clear()
            assert (await mti("dlq", "replay", "--data", data, "--all", "--yes")).status == 0
            await until(is_whole)
        finally:
            stack.kill()
            await stack.wait()
        assert (data / "running.json").exists()
        listed = await mti("dlq", "list", "--data", data, "--json")
        assert (listed.status, listed.document["total"]) == (0, 0), listed.err
