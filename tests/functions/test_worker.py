"""The apps on the real worker library, end to end: what the simulators hold at the end is what the feeds imply."""

from pathlib import Path

import pytest

from mti.common.ports.bus import Outgoing
from mti.common.topology import STANDARD
from mti.operations.stores import SERVICES
from mti.simulators import SentinelFault, SentinelFaultKind, Simulators
from mti.simulators.scenario import Scenario
from tests.functions.apps import bindings_of, load
from tests.functions.estate import estate, exact
from tests.functions.running import needs_worker
from tests.support.bus import stats
from tests.support.waiting import until
from tests.support.worlds import CONTOSO, FABRIKAM, two_tenants

pytestmark = [needs_worker, pytest.mark.xdist_group("function apps")]


async def refused(scenario: Scenario) -> str:
    """Return a value that contoso's workspace is to be offered."""
    async with Simulators(scenario) as world:
        return min(observable.value for observable in world.compare(CONTOSO).expected)


async def test_a_feed_with_faults_goes_through_three_apps_and_the_books_close(tmp_path: Path) -> None:
    feeds = {"detections": 1500, "page_size": 250}
    bad = await refused(two_tenants(**feeds))  # type: ignore[arg-type]
    faults = [
        SentinelFault(name="bad", kind=SentinelFaultKind.REFUSE_RECORD, holds=bad, workspace=CONTOSO, times=None),
        SentinelFault(name="slow", kind=SentinelFaultKind.SLOW, seconds=0.2, times=None),
    ]
    async with Simulators(two_tenants(sentinel_faults=faults, **feeds)) as world, estate(tmp_path, world) as at:  # type: ignore[arg-type]
        for service in SERVICES:
            assert at.running[service].functions == sorted(bindings_of(load(service).app))
        for entity in (STANDARD.jobs, STANDARD.pages):
            await at.bus.sender(entity).send([Outgoing(body=b"\x00nobody's", message_id="poison")])
        for service in SERVICES:
            goal = at.accepted() + 40
            await until(lambda goal=goal: at.accepted() >= goal)  # type: ignore[misc]
            await at.restart(service)
        world.sentinel.faults.remove("slow")
        await until(lambda: exact(world), between=0.5)
        await until(at.is_idle, between=0.5)
        books = await at.reconciled()
        assert books.closed, books.faults()
        totals = books.totals()
        assert totals["detections"] == sum(found.detections for found in books.sources) >= 4500
        assert (totals["lost"], totals["doubled"], totals["waiting"], totals["refused"]) == (0, 0, 0, 1)
        dead = {(group.entity, group.reason, group.count) for group in books.dead_letters}
        assert dead == {
            ("fetch-jobs", "MalformedEnvelope", 1),
            ("raw-pages/subscriptions/normalizer", "MalformedEnvelope", 1),
            ("indicators/subscriptions/publisher", "ObjectRefused", 1),
        }
        found = await stats(at.namespace)
        assert sum(counts["dead_letter"] for counts in found.values()) == 0, "this host can't dead-letter"
        assert found["set-aside"]["active"] == 3


async def test_an_operator_asks_an_app_and_replays_what_was_set_aside(tmp_path: Path) -> None:
    async with Simulators(two_tenants(detections=60)) as world, estate(tmp_path, world) as at:
        app = at.running["normalizer"]
        assert await app.ask("health") == (200, {"service": "normalizer", "version": "0.1.0"})
        poison = Outgoing(body=b"?", message_id="p", properties={"cloudEvents_id": "p"})
        await at.bus.sender(STANDARD.pages).send([poison])

        async def total() -> bool:
            status, document = await app.ask("dead-letters")
            assert status == 200
            return bool(document["total"] == 1)

        await until(total, between=0.5)
        status, document = await app.ask("dead-letters/messages?first=5")
        assert status == 200
        (message,) = document["messages"]
        assert message["reason"] == "MalformedEnvelope"
        assert (await app.ask("dead-letters/messages?colour=red"))[0] == 400
        assert (await app.ask("dead-letters/replay", "POST"))[0] == 400
        status, result = await app.ask("dead-letters/replay?all=true", "POST")
        assert (status, result["replayed"], result["complete"]) == (200, 1, True)
        # It is as bad as before, and comes back with the count of its replays.
        await until(total, between=0.5)
        status, standing = await app.ask("status")
        assert status == 200
        assert standing["dead_letters"][0]["reason"] == "MalformedEnvelope"
        assert (standing["version"], standing["paused"], standing["sources"] > 0) == ("0.1.0", {}, True)
        status, standing = await at.running["fetcher"].ask("status")
        assert (status, standing["total"], standing["entity"]) == (200, 0, "fetch-jobs")
        assert (await app.ask("nothing"))[0] == 404


async def test_a_false_positive_is_withdrawn_over_http_from_every_workspace_and_stays_away(tmp_path: Path) -> None:
    async with Simulators(two_tenants(detections=60)) as world, estate(tmp_path, world) as at:
        await until(lambda: exact(world), between=0.5)
        value = min(observable.value for observable in world.compare(CONTOSO).expected)
        holders = [workspace for workspace in (CONTOSO, FABRIKAM) if holds(world, workspace, value)]
        asked = {"workspace": CONTOSO, "observable": value, "asked_by": "incident 7", "reason": "false positive"}
        app = at.running["publisher"]
        assert (await app.ask("withdrawals", "POST", asked | {"workspace": "0" * 8 + CONTOSO[8:]}))[0] == 404
        status, said = await app.ask("withdrawals", "POST", asked)
        assert (status, said["revoked"], said["dry_run"]) == (200, len(holders), False)
        await until(lambda: not any(holds(world, workspace, value) for workspace in holders), between=0.5)
        await until(at.is_idle, between=0.5)
        status, again = await app.ask("withdrawals", "POST", asked)
        assert (status, again["revoked"], again["already"]) == (200, 0, len(holders))


def holds(world: Simulators, workspace: str, value: str) -> bool:
    return value in {observable.value for observable in world.sentinel.workspaces[workspace].observables()}
