"""The rate budget with several requests under way: it holds all the same, and waits for it can be ended."""

import asyncio
import random

import pytest

from mti.common.ports.clock import SystemClock
from mti.publisher.budget import Interrupted, RateBudget
from mti.simulation import virtual_time
from mti.simulation.virtual_time import VirtualClock


@pytest.mark.parametrize("in_flight", [1, 3, 8, 30])
def test_no_sixty_seconds_hold_more_requests_than_the_limit_however_many_are_flying(in_flight: int) -> None:
    rng, seen, most = random.Random(in_flight), list[float](), 0

    async def run() -> None:
        clock = VirtualClock()
        budget = RateBudget(20, clock, in_flight=in_flight)

        async def one() -> None:
            nonlocal most
            async with budget.request():
                most = max(most, budget._flying)
                took = rng.choice((0.0, 0.01, 3, 70))
                at = rng.uniform(0, took)
                await clock.sleep(at)
                seen.append(clock.monotonic())
                await clock.sleep(took - at)
            budget.passed()

        await asyncio.gather(*(one() for _ in range(200)))

    virtual_time.run(run())
    assert len(seen) == 200
    assert most <= in_flight
    for start in seen:
        assert sum(start <= moment < start + 60 for moment in seen) <= 20


def test_one_goes_alone_after_one_that_was_turned_away_and_each_that_passes_lets_more_go() -> None:
    async def run() -> list[int]:
        clock, widths = VirtualClock(), list[int]()
        budget = RateBudget(100, clock, in_flight=8)

        async def one(number: int) -> None:
            async with budget.request():
                widths.append(budget._flying)
                await clock.sleep(1)
            budget.turned_away() if number == 20 else budget.passed()

        await asyncio.gather(*(one(number) for number in range(30)))
        return widths

    found = virtual_time.run(run())
    assert found[:3] == [1, 1, 2]
    assert max(found) == 8
    assert 1 in found[20:]


async def test_an_interruption_ends_waits_and_not_what_is_flying() -> None:
    clock = SystemClock()
    budget = RateBudget(1, clock)
    began, end = asyncio.Event(), asyncio.Event()

    async def under_way() -> str:
        async with budget.request():
            began.set()
            await end.wait()
        return "answered"

    async def waits() -> None:
        async with budget.request():
            raise AssertionError

    first = asyncio.create_task(under_way())
    await began.wait()
    others = [asyncio.create_task(waits()), asyncio.create_task(waits()), asyncio.create_task(budget.sleep(1000, 0))]
    await asyncio.sleep(0)
    budget.interrupt()
    assert all(isinstance(each, Interrupted) for each in await asyncio.gather(*others, return_exceptions=True))
    end.set()
    assert await first == "answered"
