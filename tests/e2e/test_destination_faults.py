"""Faults of a workspace, of its authority and of the machine, on the running stack: no message is blamed for them."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mti.simulators import SentinelFault, SentinelFaultKind, Simulators
from mti.simulators.sentinel import SentinelEndpoint
from tests.support.cli import Said, mti, start, up
from tests.support.embedded import EmbeddedStack
from tests.support.waiting import until
from tests.support.worlds import CONTOSO, FABRIKAM, assert_exact, two_tenants


def fault(**fields: Any) -> SentinelFault:
    return SentinelFault.model_validate({"workspace": CONTOSO, "times": None, "name": "fault", **fields})


class Running(EmbeddedStack):
    """A stack of which commands tell in JSON."""

    async def __call__(self, *words: str) -> Said:
        return await super().__call__(*words, "--json")

    async def paused(self, reason: str) -> dict[str, Any]:
        """Wait until something is paused for that reason, and return it."""
        pauses: list[dict[str, Any]] = []

        async def is_paused() -> bool:
            said = await self("pauses", "list")
            pauses[:] = [one for one in said.document["paused"] if one["reason"] == reason] if said.status == 0 else []
            return bool(pauses)

        await until(is_paused, between=0.3)
        return pauses[0]

    @property
    def restarts(self) -> int:
        return sum(each["restarts"] for each in self.result["processes"])


def delivered(world: Simulators, workspace: str) -> bool:
    compared = world.compare(workspace)
    return bool(compared.expected) and not [*compared.missing, *compared.unexpected, *compared.doubled]


YEAR_9999 = {"kind": "raw", "status": 429, "headers": {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}}
FOR_DAYS = {"kind": "raw", "status": 503, "headers": {"Retry-After": "999999"}}
NO_ROLE = {"kind": "status", "status": 403}
ODD_TOKEN = {"kind": "raw", "endpoint": SentinelEndpoint.TOKEN, "status": 200, "body": "5", "workspace": None}


@pytest.mark.parametrize(
    ("misbehaviour", "reason"),
    [(YEAR_9999, "RateLimited"), (FOR_DAYS, "DestinationUnavailable")],
    ids=["year-9999", "for-days"],
)
async def test_a_pause_that_a_server_wants_for_ever_is_lifted_by_a_command(
    tmp_path: Path, misbehaviour: dict[str, Any], reason: str
) -> None:
    async with Simulators(two_tenants(detections=60, sentinel_faults=[fault(**misbehaviour)])) as world:
        stack = Running(tmp_path, world.write_tenants(tmp_path / "tenants.yaml"))
        async with stack.running():
            pause = await stack.paused(reason)
            assert pause["destination"] == CONTOSO
            await until(lambda: delivered(world, FABRIKAM))
            world.sentinel.faults.clear()
            said = await stack("pauses", "lift", "--destination", CONTOSO)
            assert said.status == 0, said.err
            [lifted] = said.document["lifted"]
            assert (lifted["destination"], lifted["reason"]) == (CONTOSO, reason)
            await until(lambda: delivered(world, CONTOSO))
            assert (await stack("pauses", "list")).document["paused"] == []
        assert stack.restarts == 0
        assert stack.result["closed"] is True
        assert stack.result["dead_letters"] == []


@pytest.mark.parametrize(
    ("misbehaviour", "reason"),
    [(NO_ROLE, "RoleMissing"), (ODD_TOKEN, "DestinationUnavailable")],
    ids=["role", "token"],
)
async def test_a_fault_of_a_workspace_or_its_authority_makes_its_messages_wait_and_holds_up_no_neighbour(
    tmp_path: Path, misbehaviour: dict[str, Any], reason: str
) -> None:
    scenario = two_tenants(detections=60)
    app = next(one for one in scenario.apps if CONTOSO in one.workspaces)
    faults = (fault(**misbehaviour, client_id=app.client_id),)
    async with Simulators(scenario.model_copy(update={"sentinel_faults": faults})) as world:
        stack = Running(tmp_path, world.write_tenants(tmp_path / "tenants.yaml"))
        async with stack.running():
            assert (await stack.paused(reason))["destination"] == CONTOSO
            await until(lambda: delivered(world, FABRIKAM))
            world.sentinel.faults.clear()
            said = await stack("pauses", "lift", "--all")
            assert said.status == 0, said.err
            await until(lambda: delivered(world, CONTOSO))
        assert stack.restarts == 0
        assert stack.result["closed"] is True
        assert stack.result["dead_letters"] == []


@pytest.mark.parametrize(
    "misbehaviour",
    [{"kind": SentinelFaultKind.STATUS, "status": 500}, {"kind": SentinelFaultKind.HTML, "status": 403}],
    ids=["500", "firewall"],
)
async def test_one_object_that_is_never_taken_is_set_aside_and_the_rest_arrives(
    tmp_path: Path, misbehaviour: dict[str, Any]
) -> None:
    async with Simulators(two_tenants(detections=60)) as world:
        bad = min(one.value for one in world.expected(CONTOSO))
        world.sentinel.faults.add(fault(holds=bad, **misbehaviour))
        env = world.write_tenants(tmp_path / "tenants.yaml")
        said = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        assert said.status == 0, said.err
        compared = world.compare(CONTOSO)
        assert [one.value for one in compared.missing] == [bad]
        assert [*compared.unexpected, *compared.doubled] == []
        assert delivered(world, FABRIKAM)
        [books] = [one for one in said.document["destinations"] if one["destination"] == CONTOSO]
        assert (books["refused"], books["pause"]) == ({"ObjectRefused": 1}, None)
        assert f"HTTP {misbehaviour['status']}" in json.dumps(said.document["dead_letters"])


async def test_requests_of_more_than_fifty_objects_that_fail_hold_nothing_up(tmp_path: Path) -> None:
    async with Simulators(two_tenants(detections=300)) as world:
        world.sentinel.faults.add(fault(kind=SentinelFaultKind.STATUS, status=500, over_objects=50))
        env = world.write_tenants(tmp_path / "tenants.yaml")
        said = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        assert said.status == 0, said.err
        assert_exact(world)
        assert said.document["dead_letters"] == []


@contextmanager
def writes_refused(path: Path) -> Iterator[None]:
    """Hold the only write lock of a service's books; they can be read all the while."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=60)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


async def test_books_that_can_be_read_and_not_written_cost_no_row_twice(tmp_path: Path) -> None:
    async with Simulators(two_tenants(detections=60)) as world:
        stack = Running(tmp_path, world.write_tenants(tmp_path / "tenants.yaml"))
        # The first answer comes late, so that the books are locked while it is under way.
        world.sentinel.faults.add(fault(kind=SentinelFaultKind.SLOW, seconds=8, times=1))
        workspace = world.sentinel.workspaces[CONTOSO]
        async with stack.running():
            await until(lambda: workspace.counts["requests"] >= 1)
            with writes_refused(stack.data / "publisher.db"):
                await asyncio.sleep(60)
                sent = workspace.counts["requests"]
                assert sent <= 2
            await until(lambda: delivered(world, CONTOSO) and delivered(world, FABRIKAM))
        assert workspace.counts["identical_resends"] == 0
        assert stack.restarts == 0


@contextmanager
def shut(path: Path) -> Iterator[None]:
    """Keep a file wholly to oneself, from before anybody else opens it: others can neither read nor write it."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=60)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@pytest.mark.parametrize("store", ["publisher", "normalizer", "fetcher", "tenants"])
async def test_a_store_that_is_locked_while_the_stack_starts_does_not_end_it(tmp_path: Path, store: str) -> None:
    async with Simulators(two_tenants(detections=40)) as world:
        env = world.write_tenants(tmp_path / "tenants.yaml")
        first = await mti(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
        assert first.status == 0, first.err
        path = tmp_path / "data" / f"{store}.db"
        with shut(path):
            process = await start(*up(tmp_path / "tenants.yaml", tmp_path / "data"), env=env)
            told = asyncio.create_task(process.communicate())
            await asyncio.sleep(25)
            assert process.returncode is None, (await told)[1].decode()
        out, err = await told
        assert process.returncode == 0, err.decode()
        assert json.loads(out)["closed"] is True
        assert_exact(world)
