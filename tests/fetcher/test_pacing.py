"""A source with a backlog waits for the line that its chunks stand in; a source without one does not."""

from datetime import timedelta
from pathlib import Path

from mti.fetcher.pacing import FREE_PAGES, LONGEST, Backlog, NoBacklog, age_before, wait_for
from tests.fetcher.world import CUSTOMER, world


class Standing:
    """A line whose head has waited that long."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.asked = 0

    async def age(self) -> timedelta:
        self.asked += 1
        return timedelta(seconds=self.seconds)


async def wait_before(page: int, line: Backlog) -> timedelta | None:
    return wait_for(await age_before(page, line))


async def test_a_page_waits_as_long_as_the_head_of_the_line_has() -> None:
    assert await wait_before(FREE_PAGES, Standing(7)) == timedelta(seconds=7)
    assert await wait_before(FREE_PAGES, Standing(3600)) == LONGEST


async def test_nothing_waits_while_there_is_no_line() -> None:
    assert await wait_before(FREE_PAGES, Standing(0.3)) is None
    assert await wait_before(FREE_PAGES, NoBacklog()) is None


async def test_the_first_pages_of_a_window_never_wait_and_nobody_looks() -> None:
    line = Standing(50)
    assert [await wait_before(page, line) for page in range(FREE_PAGES)] == [None] * FREE_PAGES
    assert line.asked == 0


async def test_the_jobs_of_a_backlog_are_put_off_and_all_of_it_arrives(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        began = there.clock.now()
        line = Standing(20)
        handler = there.handler(backlog=line)
        await there.schedule().run_once()
        while await there.step(handler):
            pass
        sources = list(there.registry.sources)
        assert [await there.ledger(source) for source in sources] == [there.truth(source) for source in sources]
        assert there.clock.now() - began >= timedelta(seconds=20)
        assert line.asked > 0
        assert (await there.checkpoint(CUSTOMER)).window is None
