"""Jobs under way together: bounded, begun in order, and ended in good order when one of them fails."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from mti.common.errors import LockLost, Pause, StoreUnavailable
from mti.publisher.flights import fly

pytestmark = pytest.mark.pure


async def test_no_more_are_under_way_than_may_be() -> None:
    under_way, most, begun = 0, 0, list[int]()

    def job(number: int) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            nonlocal under_way, most
            begun.append(number)
            under_way += 1
            most = max(most, under_way)
            for _ in range(number % 4 + 1):
                await asyncio.sleep(0)
            under_way -= 1

        return run

    await fly([job(number) for number in range(20)], lambda: 3, lambda: None)
    assert (most, begun) == (3, list(range(20)))


async def test_after_an_error_none_is_begun_and_what_is_under_way_ends() -> None:
    go, ended, begun, interrupted = asyncio.Event(), list[str](), list[str](), list[bool]()

    async def fails() -> None:
        raise Pause("RoleMissing", "no role")

    async def under_way() -> None:
        begun.append("under way")
        await go.wait()
        ended.append("under way")

    async def later() -> None:
        begun.append("later")

    def interrupt() -> None:
        interrupted.append(True)
        go.set()

    with pytest.raises(Pause):
        await fly([under_way, fails, later], lambda: 2, interrupt)
    assert (begun, ended, interrupted) == (["under way"], ["under way"], [True])


@pytest.mark.parametrize(
    ("errors", "raised"),
    [
        ([Pause("A", "b"), LockLost("gone")], LockLost),
        ([Pause("A", "b"), StoreUnavailable("gone")], StoreUnavailable),
        ([StoreUnavailable("gone"), LockLost("gone"), Pause("A", "b")], LockLost),
    ],
)
async def test_the_weightiest_of_several_errors_is_raised(errors: list[Exception], raised: type[Exception]) -> None:
    go = asyncio.Event()

    def job(error: Exception) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            await go.wait()
            raise error

        return run

    async def release() -> None:
        go.set()

    with pytest.raises(raised):
        await fly([*map(job, errors), release], lambda: 9, lambda: None)
