"""The apps while their bus or their stores are away: they wait, nothing is lost, and no delivery count runs out."""

from pathlib import Path
from uuid import uuid4

import pytest

from mti.operations.stores import SERVICES
from mti.simulators import SentinelFault, SentinelFaultKind, Simulators
from tests.functions.estate import Estate, estate, exact
from tests.functions.running import needs_worker
from tests.support.bus import stats
from tests.support.cosmos.deployed import KEY, deploy
from tests.support.cosmos.faulty import Fault, faulty_account
from tests.support.cosmos.server import cosmos_endpoint
from tests.support.waiting import until
from tests.support.worlds import two_tenants

__all__ = ["cosmos_endpoint"]

pytestmark = [needs_worker, pytest.mark.xdist_group("function apps")]

FEEDS = {"detections": 300, "page_size": 50}
SMALL = {"detections": 40, "page_size": 10}
"""The protocol server of Cosmos DB writes some dozens of documents a second."""
AFTER = (0, 20)
"""Objects that are in the workspaces when the outage begins: the first pages are fetched, or all apps are at work."""


async def assert_all_arrives(at: Estate, detections: int) -> None:
    """Nothing was lost, doubled or dead-lettered."""
    await until(lambda: exact(at.world), between=0.5)
    await until(at.is_idle, between=0.5)
    books = await at.reconciled()
    assert books.closed, books.faults()
    totals = books.totals()
    assert (totals["lost"], totals["doubled"], totals["waiting"], totals["refused"]) == (0, 0, 0, 0)
    assert sum(found.detections for found in books.sources) >= 3 * detections
    found = await stats(at.namespace)
    assert sum(counts["dead_letter"] for counts in found.values()) == 0
    assert found["set-aside"]["active"] == 0


@pytest.mark.parametrize("after", AFTER)
async def test_a_bus_that_goes_away_for_a_time_costs_nothing(tmp_path: Path, after: int) -> None:
    async with Simulators(two_tenants(**FEEDS)) as world, estate(tmp_path, world) as at:  # type: ignore[arg-type]
        await until(lambda: at.accepted() >= after)
        await at.bus_goes()
        for service in SERVICES:
            await until(lambda service=service: "the bus: " in at.logged(service), between=0.5)  # type: ignore[misc]
        await at.bus_comes()
        await assert_all_arrives(at, FEEDS["detections"])


async def test_stores_that_go_away_for_a_time_cost_no_delivery(tmp_path: Path, cosmos_endpoint: str) -> None:
    """Where the bus is there, a message waits for its store as a scheduled copy, and is not delivered in vain."""
    slow = SentinelFault(name="slow", kind=SentinelFaultKind.SLOW, seconds=2, times=None)
    async with (
        Simulators(two_tenants(**SMALL, sentinel_faults=[slow])) as world,  # type: ignore[arg-type]
        faulty_account(cosmos_endpoint, {}, seed=1) as account,
    ):
        await deploy(cosmos_endpoint, prefix := f"o{uuid4().hex[:8]}-")
        stores = f"cosmos:{account.address}/{prefix}{{service}}"
        async with estate(tmp_path, world, stores, MTI_COSMOS_KEY=KEY) as at:
            await until(lambda: at.accepted() > 0)
            account.rates = {Fault.UNAVAILABLE: 1.0}

            async def waits_for_its_store() -> bool:
                return bool((await stats(at.namespace))["indicators"]["scheduled"])

            await until(waits_for_its_store, between=0.5)
            account.rates = {}
            world.sentinel.faults.clear()
            await assert_all_arrives(at, SMALL["detections"])
            assert [service for service in SERVICES if " raised: " in at.logged(service)] == []
