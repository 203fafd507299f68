"""Work that is under way together: so much of it at once, and when one fails the rest ends in good order."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from mti.common.errors import LockLost, Pause

Job = Callable[[], Awaitable[None]]


async def fly(jobs: Iterable[Job], width: Callable[[], int], interrupt: Callable[[], None]) -> None:
    """Run jobs, begun in their order, until all have ended.

    After the first error none is begun any more. What is under way is not cancelled, since its answer is to be entered;
    it is waited for.

    Args:
        jobs: what is to be done.
        width: how many may be under way now.
        interrupt: called once, on the first error: ends what only waits.

    Raises:
        BaseException: what jobs raised, the weightiest: that a lock is lost before all else, and that the other side is
            to be left alone at last.
    """
    waiting, running = iter(jobs), set[asyncio.Task[None]]()
    errors: list[BaseException] = []
    try:
        while True:
            while not errors and len(running) < width() and (job := next(waiting, None)) is not None:
                running.add(asyncio.create_task(_done(job)))
            if not running:
                break
            ended, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            failed = [error for task in ended if (error := task.exception()) is not None]
            if failed and not errors:
                interrupt()
            errors += failed
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    if errors:
        raise min(errors, key=_rank)


async def _done(job: Job) -> None:
    await job()


def _rank(error: BaseException) -> int:
    if not isinstance(error, Exception):
        return 0
    return 1 if isinstance(error, LockLost) else 3 if isinstance(error, Pause) else 2
