"""Tenants that share a grid have other validities, and edit them: the books ask for what somebody was to send, and no
workspace is without what the grid still sees.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.operations.estate import Estate
from tests.operations.test_what_workspaces_show import CONTOSO, FABRIKAM, GRID, estate_in, shows, tenant


@pytest.fixture
async def estate(tmp_path: Path) -> AsyncIterator[Estate]:
    async with estate_in(tmp_path, tenant("contoso", CONTOSO), tenant("fabrikam", FABRIKAM)) as found:
        yield found


async def is_valid(estate: Estate, workspace: str) -> bool:
    (entry,) = (await estate.entries(workspace)).values()
    return entry.valid_until is not None and entry.valid_until > estate.clock.now()


def have(estate: Estate, contoso: str, fabrikam: str) -> None:
    """Let both have a validity."""
    for described, validity in zip(estate.tenants, (contoso, fabrikam), strict=True):
        described["indicator"] = {"validity": validity}
    estate.edit()


@pytest.mark.parametrize(("before", "after"), [("30d", "10d"), ("10d", "20d"), ("30d", "29d"), ("10d", "60d")])
async def test_every_day_on_which_it_is_seen_each_workspace_holds_it_and_the_books_close(
    estate: Estate, before: str, after: str
) -> None:
    have(estate, "30d", before)
    await estate.saw(GRID, "a")
    await shows(estate, FABRIKAM, "a")
    have(estate, "30d", after)
    for _ in range(50):
        estate.clock.turn(days=1)
        await estate.saw(GRID, "a")
        for workspace in (CONTOSO, FABRIKAM):
            await shows(estate, workspace, "a")
            assert await is_valid(estate, workspace)


async def test_what_outlasts_the_version_that_others_of_a_shorter_validity_have_is_not_lost(estate: Estate) -> None:
    have(estate, "10d", "30d")
    await estate.saw(GRID, "a")
    estate.clock.turn(days=6)
    await estate.saw(GRID, "a")
    await shows(estate, FABRIKAM, "a")
    have(estate, "10d", "10d")
    await shows(estate, FABRIKAM, "a")
    for _ in range(30):
        estate.clock.turn(days=1)
        await estate.saw(GRID, "a")
        await shows(estate, FABRIKAM, "a")
        assert await is_valid(estate, FABRIKAM)


async def test_a_refresh_that_went_missing_is_lost(estate: Estate) -> None:
    have(estate, "10d", "30d")
    await estate.saw(GRID, "a")
    await estate.drain()
    estate.clock.turn(days=6)
    await estate.saw(GRID, "a")
    assert (await estate.books(CONTOSO)).waiting == 1
    estate.bus.sessions.clear()
    assert (await estate.books(CONTOSO)).lost == 1
