"""What was made is kept for a while: each thing is made once, however many ask for it at the same time."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

Made = TypeVar("Made")


class Kept(Generic[Made]):
    """The last ones that were asked for.

    Args:
        limit: how many.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tasks: OrderedDict[Hashable, asyncio.Task[Made]] = OrderedDict()

    async def get(self, key: Hashable, make: Callable[[], Awaitable[Made]]) -> Made:
        """Return what belongs to a key; it is made where it is not kept. What fails is not kept.

        Whoever asks may go away: it is made all the same, for the others and for the next time.
        """
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.ensure_future(_awaited(make))
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._settle(key, done))
        self._tasks.move_to_end(key)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End what is being made."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _settle(self, key: Hashable, done: "asyncio.Task[Made]") -> None:
        failed = done.cancelled() or done.exception() is not None
        if failed and self._tasks.get(key) is done:
            del self._tasks[key]
        while len(self._tasks) > self._limit:
            oldest = next((each for each, task in self._tasks.items() if task.done()), None)
            if oldest is None:
                return
            del self._tasks[oldest]


async def _awaited(make: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401  whatever is made
    return await make()
