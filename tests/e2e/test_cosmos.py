"""A deployment as on Azure, on Cosmos DB: real processes and commands, by a way that is good or bad."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mti.common.adapters.cosmos.store import CONCURRENCY
from mti.operations.stores import SERVICES
from mti.simulators import SentinelFault, SentinelFaultKind, Simulators
from tests.support.bus import running_namespace
from tests.support.cli import Said
from tests.support.cosmos.deployed import Deployed, deployed
from tests.support.cosmos.faulty import Fault, FaultyAccount, faulty_account
from tests.support.cosmos.server import cosmos_endpoint
from tests.support.waiting import in_time, until
from tests.support.worlds import CONTOSO, FABRIKAM, assert_exact, two_tenants

__all__ = ["cosmos_endpoint"]

log = logging.getLogger(__name__)

DETECTIONS = 60
RATES = {
    Fault.THROTTLED: 0.05,
    Fault.BEHIND: 0.03,
    Fault.UNAVAILABLE: 0.03,
    Fault.LOST: 0.04,
    Fault.CONFLICT: 0.3,
}
TRIES = 10
OBJECTS_BETWEEN_KILLS = 10
BETWEEN = 0.5
"""Seconds between two looks that take a while themselves."""


@dataclass
class Place:
    """All that a test has."""

    world: Simulators
    services: Deployed

    def has_accepted(self, objects: int) -> bool:
        workspaces = self.world.sentinel.workspaces.values()
        return sum(found.counts["accepted_objects"] for found in workspaces) >= objects

    def is_clean(self) -> bool:
        compared = [self.world.compare(workspace) for workspace in (CONTOSO, FABRIKAM)]
        return all(found.expected and found.clean for found in compared)

    async def command(self, *words: str | Path, tries: int = 1) -> dict[str, Any]:
        """Run a command, and return its document.

        Args:
            words: what it is told.
            tries: how often a person gives it whom it tells that the store does not answer.
        """
        said = await self._ended(*words)
        for _ in range(tries - 1):
            if said.status == 0:
                break
            assert "Cosmos DB database" in said.err, f"{words}: {said.err}{said.out}"
            said = await self._ended(*words)
        assert said.status == 0, f"{words}: {said.err}{said.out}"
        return said.document

    async def _ended(self, *words: str | Path) -> Said:
        said = await in_time(self.services(*words, "--json"))
        assert "Traceback" not in said.err, said.err
        assert "Unclosed" not in said.err, said.err
        return said

    async def has_a_dead_letter(self) -> bool:
        return bool((await self.command("dlq", "list"))["total"])

    async def withdraw_one(self, *, tries: int = 1) -> None:
        """Withdraw an observable that contoso's workspace has."""
        workspace = self.world.sentinel.workspaces[CONTOSO]
        value = json.loads(next(iter(workspace.objects())))["pattern"].split("'")[-2]
        await self.command("revoke", "--observable", value, "--reason", "a false alarm", "--yes", tries=tries)
        await until(lambda: value not in {found.value for found in workspace.observables()}, between=BETWEEN)


@asynccontextmanager
async def place(
    folder: Path, endpoint: str, account: FaultyAccount | None = None, *faults: SentinelFault
) -> AsyncIterator[Place]:
    """Two tenants, described in the store, and their services, which do not run yet."""
    scenario = two_tenants(detections=DETECTIONS, page_size=20, sentinel_faults=faults)
    async with Simulators(scenario) as world, running_namespace(folder / "bus") as namespace:
        env = world.write_tenants(folder / "tenants.yaml")
        env["MTI_SERVICEBUS_CONNECTION_STRING"] = namespace.connection_string
        async with deployed(folder, env, endpoint, account.address if account else None) as services:
            here = Place(world, services)
            imported = await here.command("tenants", "import", folder / "tenants.yaml", "--allow-loopback")
            assert imported["changed"] is True
            yield here


async def assert_books_close(here: Place) -> None:
    """Wait until nothing is under way any more: the books close, and the workspaces hold what the feeds imply."""
    await until(here.is_clean, between=BETWEEN)
    found: dict[str, Any] = {}

    async def all_is_done() -> bool:
        found.update(await here.command("reconcile"))
        return not any(each["waiting"] for each in (*found["sources"], *found["destinations"]))

    await until(all_is_done, between=BETWEEN)
    assert found["faults"] == []
    assert found["totals"]["lost"] == 0
    assert found["totals"]["detections"] >= 3 * DETECTIONS
    assert_exact(here.world)


def assert_no_error_of_the_store(services: Deployed) -> None:
    """No service has met what it did not expect of its store, and none left a connection to it open."""
    for service in SERVICES:
        for line in services.logged(service):
            assert "azure.cosmos" not in line.get("exception", ""), line
            assert "Unclosed" not in line["message"], line


async def test_services_that_are_killed_and_commands_work_on_tenants_and_stores_in_cosmos(
    tmp_path: Path, cosmos_endpoint: str
) -> None:
    refused = sorted(Simulators(two_tenants(detections=DETECTIONS)).expected(CONTOSO))[3].value
    kind = SentinelFaultKind.REFUSE_RECORD
    fault = SentinelFault(name="refused", kind=kind, holds=refused, workspace=CONTOSO, times=None)
    async with place(tmp_path, cosmos_endpoint, None, fault) as here:
        await here.services.start()
        for turn, service in enumerate(SERVICES, 1):
            await until(partial(here.has_accepted, turn * OBJECTS_BETWEEN_KILLS))
            await here.services.kill(service)
        await until(lambda: any(line.get("reason") == "ObjectRefused" for line in here.services.logged("publisher")))
        await until(here.has_a_dead_letter, between=BETWEEN)
        here.world.sentinel.faults.clear()
        assert (await here.command("dlq", "replay", "--all", "--yes"))["replayed"] > 0
        await assert_books_close(here)

        await here.command("backfill", "--tenant", "fabrikam")
        assert set((await here.command("status"))["tenants"]) == {"*", "contoso", "fabrikam"}
        assert await here.command("pauses", "list")
        await here.withdraw_one()
        await here.services.stop()
        assert (await here.command("reconcile"))["faults"] == []
        assert_no_error_of_the_store(here.services)


async def test_by_a_way_that_throttles_refuses_and_loses_services_are_killed_and_their_books_close(
    tmp_path: Path, cosmos_endpoint: str
) -> None:
    async with (
        faulty_account(cosmos_endpoint, {}, seed=1) as account,
        place(tmp_path, cosmos_endpoint, account) as here,
    ):
        account.rates = dict(RATES)
        await here.services.start()
        for turn, service in enumerate(reversed(SERVICES), 1):
            await until(partial(here.has_accepted, turn * OBJECTS_BETWEEN_KILLS))
            await here.services.kill(service)
        await until(here.is_clean, between=BETWEEN)
        await here.command("status", tries=TRIES)
        account.rates = {}
        await assert_books_close(here)
        account.rates = dict(RATES)
        await here.withdraw_one(tries=TRIES)
        account.rates = {}
        await here.services.stop()
        assert (await here.command("reconcile"))["faults"] == []
        assert_no_error_of_the_store(here.services)
        assert here.services.kills == len(SERVICES)
        assert account.hurried == 0
        assert account.writes_at_once <= len(SERVICES) * CONCURRENCY
        log.info("passed: %d; hurt: %s", account.passed, dict(account.injected))
        assert all(account.injected[fault] for fault in RATES), account.injected
