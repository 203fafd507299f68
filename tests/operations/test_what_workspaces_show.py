"""Withdrawals, lifts and edits, one after another: what each workspace shows, and that the books close."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mti.common.errors import ConfigurationError
from mti.common.registry import TenantStatus
from mti.normalizer.indicators import indicator_id
from mti.operations.books import Reconciliation
from mti.operations.revoking import Scope, observable_of
from tests.normalizer.world import sha256
from tests.operations.estate import Estate

GRID = "grid:eu"
CONTOSO = "00000000-0000-0000-0000-000000000001"
FABRIKAM = "00000000-0000-0000-0000-000000000002"
MSSP = "00000000-0000-0000-0000-000000000009"
SPARE = "00000000-0000-0000-0000-000000000008"
WORKSPACES = (CONTOSO, FABRIKAM, MSSP, SPARE)


def tenant(id: str, *to: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": id,
        "mimecast": {"api": "2.0", "region": "eu", "client_id": "env:A", "client_secret": "env:B"},
        "feeds": ["malware_customer", "malware_grid"],
        "destinations": list(to),
        **fields,
    }


@asynccontextmanager
async def estate_in(folder: Path, *tenants: dict[str, Any]) -> AsyncIterator[Estate]:
    found = await Estate(folder, WORKSPACES, list(tenants)).open()
    try:
        yield found
    finally:
        await found.close()


@pytest.fixture
async def estate(tmp_path: Path) -> AsyncIterator[Estate]:
    """Two tenants, each with a workspace of its own and that of the MSSP, and the grid of their region."""
    described = [tenant("contoso", CONTOSO, MSSP), tenant("fabrikam", FABRIKAM, MSSP)]
    async with estate_in(tmp_path, *described) as found:
        yield found


async def shows(estate: Estate, workspace: str, *files: str) -> None:
    """See that a workspace shows those files and no others, and that its books close over it."""
    await estate.drain()
    assert estate.shown(workspace) == {sha256(file) for file in files}
    if workspace in estate.registry.destinations:
        books = await estate.books(workspace)
        assert books.closed, books
    assert estate.sentinel.workspaces[workspace].counts["revived"] == 0


async def joins(estate: Estate, workspace: str, *files: str) -> None:
    """Let a workspace join what contoso's sources bring, and give it what it may have: those files."""
    estate.tenants[0]["destinations"] = [*estate.tenants[0]["destinations"], workspace]
    estate.edit()
    await estate.backfill("contoso")
    await shows(estate, workspace, *files)


async def test_what_was_withdrawn_before_it_came_comes_when_it_is_seen_after_the_lift(estate: Estate) -> None:
    await estate.saw(GRID, "a")
    await estate.revoke_all(Scope(tenant="contoso"))
    await shows(estate, CONTOSO)
    await estate.lift_all(Scope(tenant="contoso"))
    await shows(estate, CONTOSO)
    estate.clock.turn(hours=1)
    await estate.saw(GRID, "a")
    await shows(estate, CONTOSO, "a")


async def test_who_joins_a_grid_after_its_last_tenant_was_withdrawn_gets_all_of_it(tmp_path: Path) -> None:
    async with estate_in(tmp_path, tenant("contoso", CONTOSO), tenant("fabrikam", FABRIKAM)) as estate:
        estate.set_state("fabrikam", TenantStatus.REMOVED)
        await estate.saw(GRID, "a")
        await estate.drain()
        await estate.remove("contoso", withdraw=True)
        await shows(estate, CONTOSO)
        estate.resume("fabrikam")
        await estate.backfill("fabrikam")
        await shows(estate, FABRIKAM, "a")
        estate.clock.turn(hours=1)
        await estate.saw(GRID, "b")
        await shows(estate, FABRIKAM, "a", "b")
        await shows(estate, CONTOSO)


async def test_a_source_that_was_left_behind_keeps_what_another_was_withdrawn_from(estate: Estate) -> None:
    await estate.saw("contoso/malware_customer", "a")
    await estate.saw("fabrikam/malware_customer", "a")
    await estate.drain()
    await estate.remove("contoso", withdraw=True)
    await shows(estate, MSSP, "a")
    estate.tenants[1]["feeds"] = ["malware_grid"]
    estate.edit()
    await shows(estate, MSSP, "a")
    assert (await estate.books(MSSP)).left_behind == 1


async def test_a_lift_for_one_source_does_not_void_what_was_withdrawn_for_another(estate: Estate) -> None:
    await estate.saw("contoso/malware_customer", "a")
    await estate.saw("fabrikam/malware_customer", "a")
    await estate.drain()
    await estate.revoke_all(Scope(source="contoso/malware_customer"))
    await estate.revoke_all(Scope(source="fabrikam/malware_customer"))
    await estate.lift_all(Scope(source="contoso/malware_customer"))
    await shows(estate, MSSP)


async def test_a_withdrawal_from_before_a_lift_does_not_take_what_was_seen_again_since(estate: Estate) -> None:
    await estate.saw("contoso/malware_customer", "a")
    await estate.saw("fabrikam/malware_customer", "a")
    await estate.drain()
    await estate.revoke_all(Scope(source="contoso/malware_customer"))
    await estate.revoke_all(Scope(source="fabrikam/malware_customer"))
    old = [each for each in estate.bus.history if each.session_id == MSSP][-1]
    await estate.drain()
    await estate.lift_all(Scope(source="fabrikam/malware_customer"))
    estate.clock.turn(hours=1)
    await estate.saw("fabrikam/malware_customer", "a")
    await shows(estate, MSSP, "a")
    estate.bus.put(old)
    await shows(estate, MSSP, "a")


async def test_what_is_told_once_more_right_after_a_lift_is_not_taken_for_a_duplicate(estate: Estate) -> None:
    first = estate.clock.now()
    await estate.handle(estate.chunk("contoso/malware_customer", {"a": first}))
    await estate.drain()
    await estate.revoke("a")
    await shows(estate, CONTOSO)
    await estate.lift("a")
    # The window of the next fetch reaches back, and what came in it makes it another chunk.
    estate.defaults = {"indicator": {"allow_list": [sha256("b")]}}
    estate.edit()
    await estate.handle(estate.chunk("contoso/malware_customer", {"a": first, "b": estate.clock.now()}))
    await shows(estate, CONTOSO, "a")


async def test_an_older_sighting_that_comes_after_a_lift_is_what_the_workspace_is_to_hold(estate: Estate) -> None:
    earlier = estate.clock.now()
    estate.clock.turn(hours=1)
    await estate.saw("contoso/malware_customer", "a")
    await estate.drain()
    await estate.revoke("a")
    await estate.drain()
    await estate.lift("a")
    await estate.handle(estate.chunk("fabrikam/malware_customer", {"a": earlier}))
    await shows(estate, MSSP, "a")


async def test_what_one_source_covers_is_not_missed_after_a_third_one_was_lifted(estate: Estate) -> None:
    await estate.saw("contoso/malware_customer", "a")
    estate.clock.turn(hours=1)
    await estate.saw(GRID, "a")
    await estate.saw("fabrikam/malware_customer", "a")
    await estate.drain()
    await estate.revoke_all(Scope(source="fabrikam/malware_customer"))
    await estate.lift_all(Scope(source="fabrikam/malware_customer"))
    await shows(estate, MSSP, "a")


async def test_a_withdrawal_can_be_lifted_any_number_of_times(estate: Estate) -> None:
    for _ in range(18):
        estate.clock.turn(hours=1)
        await estate.saw("contoso/malware_customer", "a")
        await shows(estate, CONTOSO, "a")
        await estate.revoke("a")
        await shows(estate, CONTOSO)
        await estate.lift("a")
    assert len(estate.sentinel.workspaces[CONTOSO].state) == 18


async def test_sightings_from_the_future_are_withdrawn_and_lifted_like_any(estate: Estate) -> None:
    late = estate.clock.now().replace(year=estate.clock.now().year + 1)
    await estate.handle(estate.chunk("contoso/malware_customer", {"a": late}))
    await estate.drain()
    await estate.revoke("a")
    withdrawal = estate.bus.history[-1]
    await shows(estate, MSSP)
    await estate.lift("a")
    await estate.saw("fabrikam/malware_customer", "a")
    await shows(estate, MSSP, "a")
    estate.bus.put(withdrawal)
    await shows(estate, MSSP, "a")
    await estate.revoke("a")
    await shows(estate, MSSP)


async def test_another_validity_makes_no_workspace_miss_anything(estate: Estate) -> None:
    estate.tenants[0] |= {"destinations": [CONTOSO], "indicator": {"validity": "10d"}}
    estate.edit()
    await estate.saw(GRID, "a")
    estate.clock.turn(days=6)
    await estate.saw(GRID, "a")
    await shows(estate, FABRIKAM, "a")
    estate.tenants[1]["indicator"] = {"validity": "20d"}
    estate.edit()
    await shows(estate, FABRIKAM, "a")
    await shows(estate, CONTOSO, "a")


async def test_a_workspace_that_joined_late_is_missed_what_another_of_its_sources_is_withdrawn_from(
    tmp_path: Path,
) -> None:
    async with estate_in(tmp_path, tenant("contoso", CONTOSO), tenant("fabrikam", FABRIKAM)) as estate:
        await estate.saw("contoso/malware_customer", "a")
        await estate.saw("fabrikam/malware_customer", "a")
        await estate.revoke_all(Scope(source="fabrikam/malware_customer"))
        await estate.drain()
        estate.tenants[0]["destinations"] = [CONTOSO, FABRIKAM]
        estate.edit()
        assert (await estate.books(FABRIKAM)).lost == 1
        await estate.backfill("contoso")
        await shows(estate, FABRIKAM, "a")


async def test_a_workspace_that_joined_after_a_source_was_withdrawn_is_not_missing_it(estate: Estate) -> None:
    await estate.saw("contoso/malware_customer", "a")
    await estate.saw(GRID, "b")
    await estate.drain()
    await estate.revoke_all(Scope(source="contoso/malware_customer"))
    estate.tenants[0]["destinations"] = [CONTOSO, FABRIKAM, MSSP]
    estate.edit()
    await estate.backfill("contoso")
    await shows(estate, FABRIKAM, "b")


async def test_what_was_on_its_way_through_the_normalizer_while_it_was_withdrawn_is_shown_nowhere(
    estate: Estate,
) -> None:
    inner = estate.bus.send
    results = []

    async def stands_still(messages: Any) -> None:
        estate.bus.send = inner  # type: ignore[method-assign]
        results.append(await estate.revoke("a"))
        await estate.drain()
        await inner(messages)

    estate.bus.send = stands_still  # type: ignore[method-assign]
    await estate.saw("contoso/malware_customer", "a")
    assert results[0].messages == 0
    await shows(estate, CONTOSO)
    await shows(estate, MSSP)
    await estate.lift("a")
    estate.clock.turn(hours=1)
    await estate.saw("contoso/malware_customer", "a")
    await shows(estate, CONTOSO, "a")
    await shows(estate, MSSP, "a")


async def test_a_workspace_that_joined_a_withdrawn_source_misses_nothing_when_that_is_lifted(estate: Estate) -> None:
    await estate.saw("contoso/malware_customer", "a")
    await estate.drain()
    await estate.revoke_all(Scope(source="contoso/malware_customer"))
    await joins(estate, FABRIKAM)
    await estate.lift_all(Scope(source="contoso/malware_customer"))
    await shows(estate, FABRIKAM)
    estate.clock.turn(hours=1)
    await estate.saw("contoso/malware_customer", "a")
    await shows(estate, FABRIKAM, "a")


async def test_a_workspace_that_joined_a_withdrawn_tenant_misses_nothing_when_that_is_lifted(estate: Estate) -> None:
    await estate.saw("contoso/malware_customer", "a")
    await estate.drain()
    await estate.revoke_all(Scope(tenant="contoso"))
    await joins(estate, FABRIKAM)
    await estate.lift_all(Scope(tenant="contoso"))
    await shows(estate, FABRIKAM)
    await estate.backfill("contoso")
    await shows(estate, FABRIKAM, "a")


async def test_a_workspace_that_joined_after_an_observable_was_withdrawn_misses_nothing_when_that_is_lifted(
    estate: Estate,
) -> None:
    await estate.saw("contoso/malware_customer", "a")
    await estate.drain()
    await estate.revoke("a")
    await joins(estate, SPARE)
    lifted = await estate.lift("a")
    assert lifted.workspaces[SPARE] == indicator_id(observable_of(sha256("a")))
    await shows(estate, SPARE)
    estate.clock.turn(hours=1)
    await estate.saw("contoso/malware_customer", "a")
    await shows(estate, SPARE, "a")


async def test_an_observable_that_only_a_source_is_withdrawn_from_is_lifted_for_those_who_joined_it(
    estate: Estate,
) -> None:
    await estate.saw("contoso/malware_customer", "a")
    await estate.drain()
    await estate.revoke_all(Scope(source="contoso/malware_customer"))
    await joins(estate, SPARE)
    lifted = await estate.lift("a")
    assert lifted.workspaces.keys() == {CONTOSO, MSSP, SPARE}
    await shows(estate, SPARE)
    await shows(estate, FABRIKAM)


async def test_what_another_source_gave_a_workspace_that_joined_is_not_missed_in_the_version_of_before_a_lift(
    estate: Estate,
) -> None:
    await estate.saw("fabrikam/malware_customer", "a")
    estate.clock.turn(hours=1)
    await estate.saw("contoso/malware_customer", "a")
    await estate.drain()
    await estate.revoke_all(Scope(source="contoso/malware_customer"))
    await joins(estate, FABRIKAM, "a")
    await estate.lift_all(Scope(source="contoso/malware_customer"))
    await shows(estate, FABRIKAM, "a")


async def test_who_joins_after_the_lift_is_missed_what_is_valid_until_it_is_backfilled(estate: Estate) -> None:
    await estate.saw("contoso/malware_customer", "a")
    await estate.drain()
    await estate.revoke_all(Scope(source="contoso/malware_customer"))
    await estate.lift_all(Scope(source="contoso/malware_customer"))
    estate.tenants[0]["destinations"] = [CONTOSO, SPARE, MSSP]
    estate.edit()
    assert (await estate.books(SPARE)).lost == 1
    await estate.backfill("contoso")
    await shows(estate, SPARE, "a")


async def test_a_lift_is_known_for_as_long_as_what_was_made_before_it(tmp_path: Path) -> None:
    policy = {"validity": "400d"}
    async with estate_in(tmp_path, tenant("contoso", CONTOSO, indicator=policy)) as estate:
        await estate.saw("contoso/malware_customer", "a")
        await estate.revoke_all(Scope(source="contoso/malware_customer"))
        await estate.drain()
        await estate.lift_all(Scope(source="contoso/malware_customer"))
        estate.clock.turn(days=120)
        await shows(estate, CONTOSO)


async def test_what_is_taken_off_an_allow_list_is_missed_until_it_is_backfilled(estate: Estate) -> None:
    estate.tenants[1] |= {"destinations": [FABRIKAM], "indicator": {"allow_list": [sha256("a")]}}
    estate.edit()
    await estate.saw(GRID, "a")
    await shows(estate, FABRIKAM)
    await shows(estate, CONTOSO, "a")
    estate.tenants[1]["indicator"] = {"allow_list": []}
    estate.edit()
    books = await estate.books(FABRIKAM)
    assert books.lost == 1
    (_, cure) = Reconciliation(sources=[], destinations=[books], dead_letters=[]).faults()
    assert "policy allows by now" in cure
    assert "mti backfill --tenant fabrikam" in cure
    await estate.backfill("fabrikam")
    await shows(estate, FABRIKAM, "a")


async def test_a_tenant_that_has_nothing_to_itself_is_removed_and_takes_nothing_with_it(tmp_path: Path) -> None:
    """All that it had is a grid in a workspace, and others have both."""
    shares = tenant("fabrikam", MSSP, feeds=["malware_grid"])
    async with estate_in(tmp_path, tenant("contoso", CONTOSO, MSSP), shares) as estate:
        await estate.saw(GRID, "a")
        await estate.drain()
        await estate.remove("fabrikam", withdraw=True)
        await shows(estate, MSSP, "a")
        result = await estate.revoke_all(Scope(tenant="fabrikam"))
        assert result.revoked.total() == 0
        with pytest.raises(ConfigurationError, match="no tenant 'adatum'"):
            await estate.revoke_all(Scope(tenant="adatum"))
