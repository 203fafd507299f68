"""The rate budget holds for every sixty seconds."""

import random
from datetime import timedelta

import pytest

from mti.publisher.budget import RateBudget
from tests.publisher.world import TurnedClock

pytestmark = pytest.mark.pure


async def test_no_sixty_seconds_hold_more_requests_than_the_limit() -> None:
    clock, rng = TurnedClock(), random.Random(7)
    budget = RateBudget(20, clock)
    seen: list[float] = []
    for _ in range(400):
        async with budget.request():
            begun = clock.monotonic()
            clock.turn(seconds=rng.choice((0, 0.01, 0.3, 5)))
            seen.append(rng.uniform(begun, clock.monotonic()))
        clock.turn(seconds=rng.choice((0, 0, 0, 1, 40)))
    for start in seen:
        assert sum(start <= moment < start + 60 for moment in seen) <= 20


async def test_what_the_server_lets_through_is_believed_and_regained_by_what_passes() -> None:
    clock = TurnedClock()
    budget = RateBudget(100, clock)
    for _ in range(70):
        async with budget.request():
            pass
    budget.empty(timedelta(seconds=0))
    assert budget.wait() == 60.0
    for _ in range(21):
        budget.passed()
    assert budget.wait() == 0.0


async def test_a_burst_goes_through_at_once_and_the_next_waits_for_the_first_to_age() -> None:
    clock = TurnedClock()
    budget = RateBudget(3, clock)
    for _ in range(3):
        async with budget.request():
            pass
    assert clock.slept == []
    clock.turn(seconds=25)
    async with budget.request():
        pass
    assert clock.slept == [35.0]


async def test_a_request_that_fails_counts_too() -> None:
    clock = TurnedClock()
    budget = RateBudget(1, clock)
    try:
        async with budget.request():
            raise TimeoutError
    except TimeoutError:
        pass
    assert budget.wait() == 60.0


async def test_what_the_server_says_empties_it() -> None:
    clock = TurnedClock()
    budget = RateBudget(100, clock)
    budget.empty(timedelta(seconds=12))
    budget.empty(timedelta(seconds=3))
    async with budget.request():
        assert clock.slept == [12.0]
