"""One slow question never holds up another, and a process that is given up is really gone."""

import asyncio

import psutil
import pytest

from mti.console.preview.kept import Kept
from mti.console.preview.workers import Unanswered, Workers

SLEEPY = "tests.console.preview.sleepy"


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that starts has no more time than others."""
    monkeypatch.setattr("mti.console.preview.workers.START_SECONDS", 2.0)


async def test_a_slow_question_does_not_hold_up_another() -> None:
    async with Workers(2, seconds=600, module=SLEEPY) as workers:
        slow = asyncio.create_task(workers.ask({"sleep": 500}))
        for _ in range(3):
            assert await workers.ask({"sleep": 0}) == {"slept": 0}
        assert not slow.done()
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)


async def test_what_takes_too_long_is_ended_and_the_next_is_answered(briefly: None) -> None:
    async with Workers(1, seconds=0.5, module=SLEEPY) as workers:
        with pytest.raises(Unanswered, match="took longer than"):
            await workers.ask({"sleep": 500})
        assert not _children()
        assert await workers.ask({"sleep": 0}) == {"slept": 0}


async def test_a_process_that_ends_is_replaced() -> None:
    async with Workers(1, module=SLEEPY) as workers:
        with pytest.raises(Unanswered, match="ended"):
            await workers.ask({"end": True})
        assert await workers.ask({"sleep": 0}) == {"slept": 0}
    assert not _children()


async def test_a_thing_is_made_once_for_all_who_ask_at_the_same_time() -> None:
    made: list[int] = []
    kept: Kept[int] = Kept(2)

    async def make() -> int:
        made.append(1)
        await asyncio.sleep(0)
        return len(made)

    assert set(await asyncio.gather(*(kept.get("a", make) for _ in range(5)))) == {1}
    for key in "bc":
        await kept.get(key, make)
    assert await kept.get("a", make) == 4, "the oldest made room"


async def test_what_fails_is_tried_again() -> None:
    kept: Kept[int] = Kept(2)

    async def fail() -> int:
        raise Unanswered("no")

    async def make() -> int:
        return 1

    with pytest.raises(Unanswered):
        await kept.get("a", fail)
    assert await kept.get("a", make) == 1


def _children() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if SLEEPY in " ".join(each.cmdline())]
