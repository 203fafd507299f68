"""What requests settled at about the same time is entered together, and each learns what became of its own."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from mti.common.errors import StoreUnavailable
from mti.publisher.records import Accept, Change, Published
from mti.publisher.records.changes import PassOver
from mti.publisher.records.entering import Entering
from tests.publisher.test_guard import item
from tests.publisher.world import CONTOSO, FABRIKAM


class Books:
    """Takes one write when it is let, and knows of each id how many changes of it were written."""

    def __init__(self) -> None:
        self.writes: list[tuple[str, list[str]]] = []
        self.let = asyncio.Semaphore(0)
        self.fails = False
        self._counts: dict[str, int] = {}

    async def write(self, destination: str, changes: Sequence[Change]) -> Mapping[str, Published]:
        self.writes.append((destination, [change.id for change in changes]))
        await self.let.acquire()
        if self.fails:
            raise StoreUnavailable("the disk is full")
        for change in changes:
            self._counts[change.id] = self._counts.get(change.id, 0) + 1
        return {change.id: Published(accepted=self._counts[change.id]) for change in changes}

    def let_through(self, count: int) -> None:
        for _ in range(count):
            self.let.release()


def accepted(*names: str) -> list[Change]:
    return [Accept(item(name)) for name in names]


def ids(*names: str) -> list[str]:
    return [item(name).own for name in names]


async def begun(*entered: "asyncio.Task[dict[str, Published]]") -> None:
    for _ in entered:
        await asyncio.sleep(0)


async def test_what_comes_while_something_is_written_is_written_with_the_next() -> None:
    books = Books()
    entering = Entering(books.write)
    tasks = [asyncio.create_task(entering.enter(CONTOSO, accepted(*names))) for names in ("a", "bc", "d", "e")]
    await begun(*tasks)
    books.let_through(2)
    found = await asyncio.gather(*tasks)
    assert books.writes == [(CONTOSO, ids("a")), (CONTOSO, ids("b", "c", "d", "e"))]
    assert [set(each) for each in found] == [set(ids(*names)) for names in ("a", "bc", "d", "e")]


async def test_changes_of_the_same_observable_are_written_one_after_the_other() -> None:
    books = Books()
    entering = Entering(books.write)
    passed: list[Change] = [PassOver(item("b"))]
    changes = [accepted("a"), accepted("b"), passed, accepted("c"), accepted("a")]
    tasks = [asyncio.create_task(entering.enter(CONTOSO, each)) for each in changes]
    await begun(*tasks)
    books.let_through(3)
    found = await asyncio.gather(*tasks)
    assert books.writes == [(CONTOSO, ids("a")), (CONTOSO, ids("b")), (CONTOSO, ids("b", "c", "a"))]
    assert [each.accepted for known in found for each in known.values()] == [1, 1, 2, 1, 2]


async def test_workspaces_do_not_wait_for_each_other() -> None:
    books = Books()
    entering = Entering(books.write)
    tasks = [asyncio.create_task(entering.enter(to, accepted("a"))) for to in (CONTOSO, FABRIKAM)]
    await begun(*tasks)
    assert books.writes == [(CONTOSO, ids("a")), (FABRIKAM, ids("a"))]
    books.let_through(2)
    await asyncio.gather(*tasks)


async def test_all_learn_that_the_store_does_not_take_it_and_the_next_try_is_a_write_of_its_own() -> None:
    books = Books()
    entering = Entering(books.write)
    books.fails = True
    tasks = [asyncio.create_task(entering.enter(CONTOSO, accepted(name))) for name in "abc"]
    await begun(*tasks)
    books.let_through(2)
    errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert all("the disk is full" in str(error) for error in errors)
    books.fails = False
    books.let_through(1)
    assert (await entering.enter(CONTOSO, accepted("a"))).keys() == set(ids("a"))


@pytest.mark.parametrize("waits", [True, False], ids=["while it waits", "while it writes"])
async def test_who_is_stopped_leaves_others_with_an_error_and_the_way_free(waits: bool) -> None:
    books = Books()
    entering = Entering(books.write)
    first, leader, other = (asyncio.create_task(entering.enter(CONTOSO, accepted(name))) for name in "abc")
    await begun(first, leader, other)
    if not waits:
        books.let_through(1)
        await first
        await begun(leader, other)
    leader.cancel()
    with pytest.raises(StoreUnavailable, match="stopped"):
        await other
    books.let_through(2)
    await entering.enter(CONTOSO, accepted("d"))
    assert leader.cancelled()
    assert (await first).keys() == set(ids("a"))


async def test_who_only_joined_and_is_stopped_changes_nothing_for_the_others() -> None:
    books = Books()
    entering = Entering(books.write)
    first, leader, other = (asyncio.create_task(entering.enter(CONTOSO, accepted(name))) for name in "abc")
    await begun(first, leader, other)
    other.cancel()
    books.let_through(2)
    assert (await leader).keys() == set(ids("b"))
    assert (await first).keys() == set(ids("a"))
    assert other.cancelled()
