"""Paused and removed tenants are not fetched; their jobs end quietly, and a shared grid goes on."""

from dataclasses import dataclass, replace
from pathlib import Path

from mti.common.contracts import job_message
from mti.common.registry import IndicatorPolicy, Registry, Route
from mti.common.registry.references import parse_reference
from tests.fetcher.world import CUSTOMER, GRID, OLD_CUSTOMER, world


@dataclass
class Provider:
    """A registry that is another one from the next look on."""

    current: Registry
    coming: Registry | None = None

    async def latest(self) -> Registry:
        self.current = self.coming or self.current
        return self.current


def paused(registry: Registry, *names: str) -> Registry:
    sources = {name: replace(source, paused=name in names) for name, source in registry.sources.items()}
    return replace(registry, sources=sources)


def without(registry: Registry, name: str, *, removed: bool) -> Registry:
    route = Route(source=name, destination="w", tenant="contoso", policy=IndicatorPolicy())
    sources = {each: source for each, source in registry.sources.items() if each != name}
    return replace(registry, sources=sources, removed=[route] if removed else [])


async def test_a_paused_source_gets_no_job_and_one_that_is_on_its_way_ends_without_a_call(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.schedule().run_once()
        there.registry = paused(there.registry, CUSTOMER)
        await there.drain()
        assert there.calls(CUSTOMER) == []
        assert there.calls(OLD_CUSTOMER)
        there.clock.turn(minutes=6)
        assert await there.schedule().run_once() == 2
        assert not there.queue.dead


async def test_a_source_that_is_resumed_goes_on_at_once_and_in_the_middle_of_its_window(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        active = there.registry
        await there.queue.send([job_message(CUSTOMER, 1)])
        await there.step()
        there.registry = paused(active, CUSTOMER)
        await there.drain()
        assert there.calls(CUSTOMER) == [1]
        assert (await there.checkpoint()).page == 1
        there.registry = active
        assert await there.schedule().run_once() == 3
        await there.drain()
        assert there.calls(CUSTOMER) == [1, 2, 3]
        assert await there.ledger() == there.truth()


async def test_a_source_that_never_was_fetched_is_resumed_at_once_as_well(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        active, schedule = there.registry, there.schedule()
        await schedule.run_once()
        there.registry = paused(active, CUSTOMER)
        await there.drain()
        there.registry = active
        there.clock.turn(minutes=1)
        assert await there.schedule().run_once() == 1
        await there.drain()
        assert there.calls(CUSTOMER) == [1, 2, 3]


async def test_a_removed_tenant_that_never_was_fetched_gets_no_checkpoint(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.schedule().run_once()
        there.registry = without(there.registry, CUSTOMER, removed=True)
        await there.drain()
        assert CUSTOMER not in {source async for source, _ in there.checkpoints.all()}


async def test_a_job_of_a_removed_tenant_ends_without_a_dead_letter_and_one_of_nobody_does_not(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        whole = there.registry
        there.registry = without(whole, CUSTOMER, removed=True)
        await there.fetch(CUSTOMER)
        assert (there.calls(CUSTOMER), there.queue.dead) == ([], [])
        there.registry = without(whole, CUSTOMER, removed=False)
        await there.fetch(CUSTOMER)
        assert [reason for _, reason, _ in there.queue.dead] == ["UnknownSource"]


async def test_a_source_that_is_new_is_known_before_its_job_is_refused(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        provider = Provider(without(there.registry, CUSTOMER, removed=False), coming=there.registry)
        await there.queue.send([job_message(CUSTOMER, 1)])
        await there.step(there.handler(registry=provider))
        assert there.calls(CUSTOMER) == [1]


async def test_a_grid_whose_account_is_paused_is_fetched_with_the_next_one(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.queue.send([job_message(GRID, 1)])
        await there.step()
        grid = there.registry.sources[GRID]
        sources = {**there.registry.sources, GRID: replace(grid, accounts=grid.accounts[1:])}
        there.registry = replace(there.registry, sources=sources)
        await there.drain()
        assert {call.account for call in there.mimecast.journal.calls} == {"contoso", "northwind"}
        assert (await there.checkpoint(GRID)).covered_until is not None


async def test_an_account_with_other_references_has_a_client_of_its_own(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        account = there.registry.sources[CUSTOMER].accounts[0]
        first = there.clients.of(account)
        assert there.clients.of(replace(account)) is first
        assert (
            there.clients.of(replace(account, secrets={**account.secrets, "client_id": parse_reference("env:ANOTHER")}))
            is not first
        )
