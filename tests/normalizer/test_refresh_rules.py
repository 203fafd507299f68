"""Workspaces of one source under several policies: what one of them is sent keeps no other from its refresh."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from mti.common.ports.settlement import Complete
from mti.common.registry import IndicatorPolicy
from tests.normalizer.world import CONTOSO, FABRIKAM, GRID, MSSP, World, at, message, stix
from tests.support.service_world import registry_of, route, source


def policy(days: float, refresh_after: float = 0.5) -> IndicatorPolicy:
    return IndicatorPolicy(validity=timedelta(days=days), refresh_after=refresh_after)


def edit(there: World, policies: Mapping[str, IndicatorPolicy]) -> None:
    """Let the grid be routed to workspaces, to each under its policy."""
    routes = [route(GRID, destination, destination, policy=found) for destination, found in policies.items()]
    there.registry = registry_of([source(GRID)], routes=routes)


def spans(there: World, destination: str) -> list[tuple[datetime, datetime]]:
    """Return from when to when each of the versions is valid that a workspace was sent."""
    found = there.indicators.objects(destination)
    return [(datetime.fromisoformat(each["modified"]), datetime.fromisoformat(each["valid_until"])) for each in found]


def never_ended(there: World, destination: str, days: int) -> bool:
    """Say whether a workspace had a valid one on each day, after that day's sightings."""
    sent = spans(there, destination)
    return all(any(start <= at(days=day) < end for start, end in sent) for day in range(days))


async def see(there: World, *days: float) -> None:
    """Let the grid see the same file on those days."""
    for day in days:
        assert await there.normalizer()([message(stix("a", at(days=day)), source=GRID)]) == [Complete()]


async def test_who_refreshes_more_often_keeps_nobody_of_the_same_validity_from_its_refresh(there: World) -> None:
    edit(there, {CONTOSO: policy(10, 0.1), FABRIKAM: policy(10, 0.5)})
    await see(there, *range(40))
    assert [start for start, _ in spans(there, CONTOSO)] == [at(days=day) for day in range(40)]
    assert [start for start, _ in spans(there, FABRIKAM)] == [at(days=day) for day in range(0, 40, 5)]


async def test_a_validity_that_was_made_shorter_is_refreshed_before_what_stands_there_ends(there: World) -> None:
    edit(there, {CONTOSO: policy(30), FABRIKAM: policy(30)})
    await see(there, 0)
    edit(there, {CONTOSO: policy(30), FABRIKAM: policy(10)})
    await see(there, *range(1, 60))
    assert never_ended(there, FABRIKAM, 60)
    # What it holds lasts for thirty days, which a sighting extends by five on the twenty-fifth.
    assert [start for start, _ in spans(there, FABRIKAM)][:3] == [at(), at(days=25), at(days=30)]
    assert [start for start, _ in spans(there, CONTOSO)] == [at(days=day) for day in (0, 15, 30, 45)]


async def test_a_validity_that_was_made_longer_is_refreshed_before_what_stands_there_ends(there: World) -> None:
    edit(there, {CONTOSO: policy(30), FABRIKAM: policy(10)})
    await see(there, 0)
    edit(there, {CONTOSO: policy(30), FABRIKAM: policy(20)})
    await see(there, *range(1, 60))
    assert never_ended(there, FABRIKAM, 60)
    assert never_ended(there, CONTOSO, 60)


@pytest.mark.parametrize("number", [2, 8, 9, 20])
async def test_however_many_policies_there_are_each_is_refreshed_at_its_time(there: World, number: int) -> None:
    policies = {f"00000000-0000-0000-0000-0000000000{n:02d}": policy(2 * n) for n in range(1, number + 1)}
    edit(there, policies)
    await see(there, *range(50))
    for destination, found in policies.items():
        every = found.validity.days // 2
        assert [start for start, _ in spans(there, destination)] == [at(days=day) for day in range(0, 50, every)]


async def test_what_a_process_remembers_keeps_no_policy_from_its_refresh(there: World) -> None:
    edit(there, {CONTOSO: policy(30), FABRIKAM: policy(30)})
    await see(there, 0)
    edit(there, {CONTOSO: policy(30), FABRIKAM: policy(10), MSSP: policy(30, 0.1)})
    normalizer = there.normalizer()
    for day in range(1, 60):
        await normalizer([message(stix("a", at(days=day)), source=GRID)])
    assert [start for start, _ in spans(there, FABRIKAM)][:3] == [at(), at(days=25), at(days=30)]
    assert never_ended(there, FABRIKAM, 60)
