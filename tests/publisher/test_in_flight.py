"""Several requests of a workspace at once: its whole budget, full requests, no one else's time, no step back."""

import random
from collections.abc import Callable

import httpx
import pytest

from mti.simulation import virtual_time
from tests.publisher.virtual import ModelSentinel, files, publishing, workspace

pytestmark = pytest.mark.timeout(300)


async def backlog(sentinel: ModelSentinel, objects: int, minutes: float) -> None:
    async with publishing(sentinel) as publisher:
        await publisher.send(0, files(objects))
        await sentinel.clock.sleep(minutes * 60)


def used(sentinel: ModelSentinel, start: float, minutes: float) -> float:
    """Return the part of the budget that was used of a span."""
    taken = [found for found in sentinel.of(workspace(0)) if start <= found.began < start + minutes * 60]
    return len(taken) / (100 * minutes)


def test_a_backlog_uses_its_whole_budget_though_each_answer_takes_a_second() -> None:
    sentinel = ModelSentinel()
    virtual_time.run(backlog(sentinel, 20_500, 2))
    assert used(sentinel, 60, 1) >= 0.95
    assert sentinel.of(workspace(0), 429) == []
    assert sentinel.most[workspace(0)] <= 8
    assert (sentinel.twice, sentinel.went_back) == (0, 0)


@pytest.mark.parametrize("seed", range(2))
def test_a_trickle_of_a_thousand_objects_takes_eleven_requests(seed: int) -> None:
    sentinel, rng = ModelSentinel(), random.Random(seed)

    async def trickle() -> None:
        objects = files(1000)
        async with publishing(sentinel) as publisher:
            while objects:
                some, objects = objects[: (size := rng.randint(1, 40))], objects[size:]
                await publisher.send(0, some)
                await sentinel.clock.sleep(rng.uniform(0, 0.8))
            await publisher.drained()

    virtual_time.run(trickle())
    assert sum(found.objects for found in sentinel.uploads) == 1000
    assert len(sentinel.uploads) <= 11


def test_a_lone_object_waits_a_second_at_most_where_the_budget_is_free() -> None:
    sentinel = ModelSentinel()

    async def lone() -> float:
        async with publishing(sentinel) as publisher:
            await sentinel.clock.sleep(100)
            await publisher.send(0, files(1))
            await publisher.drained()
        return sentinel.uploads[0].began - 100

    assert virtual_time.run(lone()) < 1.5


def test_a_slow_workspace_and_a_throttled_one_cost_the_others_no_time() -> None:
    def latency(name: str) -> float:
        return 25.0 if name == workspace(0) else 1.0

    def refuse(name: str) -> httpx.Response | None:
        return httpx.Response(429, headers={"Retry-After": "60"}) if name == workspace(1) else None

    sentinel = ModelSentinel(latency=latency, refuse=refuse)

    async def serve() -> float:
        async with publishing(sentinel, 12, slots=12) as publisher:
            for number in range(12):
                await publisher.send(number, files(2000, f"of {number}"))
            await sentinel.clock.sleep(100)
        return max(found.began for found in sentinel.uploads if found.workspace > workspace(1))

    assert virtual_time.run(serve()) < 20
    assert all(sum(found.objects for found in sentinel.of(workspace(number))) == 2000 for number in range(2, 12))
    assert all(most <= 8 for most in sentinel.most.values())


WAYS: dict[str, Callable[[random.Random], httpx.Response | None]] = {
    "early": lambda rng: httpx.Response(429, headers={"Retry-After": "5"}) if rng.random() < 0.1 else None,
    "failing": lambda rng: httpx.Response(rng.choice([500, 502, 503])) if rng.random() < 0.1 else None,
    "odd": lambda rng: httpx.Response(200, content=b"<html>") if rng.random() < 0.05 else None,
}


@pytest.mark.parametrize("way", WAYS)
def test_whatever_is_answered_in_whatever_order_nothing_is_lost_and_no_version_goes_back(way: str) -> None:
    rng = random.Random(way)
    sentinel = ModelSentinel(latency=lambda _: rng.choice([0.05, 0.5, 2.0, 9.0]), refuse=lambda _: WAYS[way](rng))
    versions = [0.0, 3.0, 1.0, 2.0, 5.0, 4.0]

    async def run() -> None:
        async with publishing(sentinel) as publisher:
            for hours in versions:
                await publisher.send(0, files(700, hours=hours), size=rng.choice([7, 50, 100]))
                await sentinel.clock.sleep(rng.uniform(0, 20))
            await publisher.drained()
            assert publisher.indicators.dead == []

    virtual_time.run(run())
    newest = {found.id: found.model_dump(mode="json")["modified"] for found in files(700, hours=5.0)}
    assert {id: version for (_, id), version in sentinel.held.items()} == newest
    assert (sentinel.twice, sentinel.went_back) == (0, 0)


def test_a_limit_that_is_lower_than_the_budget_costs_few_answers_of_429() -> None:
    sentinel = ModelSentinel(limit=60)
    virtual_time.run(backlog(sentinel, 14_000, 2))
    throttled = sentinel.of(workspace(0), 429)
    assert len(throttled) < 0.1 * len(sentinel.uploads)
    assert used(sentinel, 60, 1) >= 0.45
