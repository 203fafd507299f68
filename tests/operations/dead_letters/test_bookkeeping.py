"""The books close after a person purged or mended dead letters, brought them back, and was killed at any step of it."""

import gzip
import json
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mti.common.contracts.envelope import PREFIX
from mti.common.ports.bus import Received
from mti.common.ports.clock import SystemClock
from mti.normalizer.records import ChunkBooks
from mti.operations.books import Reconciliation, SourceBooks
from mti.operations.bus import DeadLetter
from mti.operations.dead_letters import (
    Edited,
    FileReplay,
    NoJudge,
    PurgeResult,
    Replayer,
    ReplayOptions,
    Selection,
    append_archive,
    body_to_edit,
    plan,
    purge,
    send_mended,
)
from tests.normalizer.world import CUSTOMER, Crash, Fuse, message, stix
from tests.operations.dead_letters.scene import Queue, Scene, scene_in

pytestmark = pytest.mark.pure

EVERYTHING = Selection()


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        yield await scene_in(tmp_path, stack.push_async_callback)


def fresh(*names: str) -> Received:
    """Return a chunk of one detection a name: the same one each time."""
    return message(*(stix(name) for name in names))


def bad(name: str) -> list[Any]:
    return stix(name, pattern="[file:hashes.MD5 = 'beef']")


async def purged(there: Scene, fuse: Fuse | None = None, file: Path | None = None) -> PurgeResult:
    books = there.books(fuse)
    found = await plan(there.queues, EVERYTHING, SystemClock())

    def keep(letters: Any) -> None:
        if file is not None:
            append_archive(file, letters)

    return await purge(there.queues, found, keep, books=books)


async def mended(
    there: Scene, queue: Queue, letter: DeadLetter, change: Callable[[Any], None], fuse: Fuse | None = None
) -> Edited:
    body = json.loads(body_to_edit(letter))
    change(body)
    return await send_mended(queue, letter, json.dumps(body).encode(), books=there.books(fuse))


async def brought_back(there: Scene, file: Path) -> None:
    entities = tuple(queue.entity for queue in there.queues)
    replayer = Replayer(there.queues, NoJudge(), SystemClock(), ReplayOptions())
    result = await FileReplay(file, entities, EVERYTHING, SystemClock(), random.Random(1)).run(replayer)
    assert result.complete


def source_of(found: Reconciliation) -> SourceBooks:
    return next(books for books in found.sources if books.source == CUSTOMER)


def source(found: Reconciliation) -> SourceBooks:
    """Return the books of the one source, which must close."""
    books = source_of(found)
    assert books.detections == (
        books.new + books.refreshed + books.suppressed + sum(books.rejected.values()) + books.waiting + books.dead
    )
    assert found.closed, found.faults()
    return books


def keep_records(count: int, *more: list[Any]) -> Callable[[Any], None]:
    def change(body: Any) -> None:
        body["records"] = [*body["records"][:count], *more]

    return change


def changed_region(body: Any) -> None:
    body["region"] = "us"


async def test_the_detections_of_a_purged_chunk_are_counted_as_purged(there: Scene) -> None:
    there.pages.bury(await there.published(fresh("a", "b"), 2))
    assert source(await there.reconciled()).dead == 2
    result = await purged(there)
    assert (result.purged, result.unentered, there.pages.dead) == (1, 0, {})
    books = source(await there.reconciled())
    assert (books.detections, books.rejected) == (2, {"Purged": 2})


async def test_a_purged_chunk_that_is_brought_back_is_handled_and_the_books_close_again(
    there: Scene, tmp_path: Path
) -> None:
    there.pages.bury(await there.published(fresh("a", "b"), 2))
    await purged(there, file=tmp_path / "purged.jsonl")
    await brought_back(there, tmp_path / "purged.jsonl")
    source(await there.reconciled())
    await there.handle()
    await there.deliver()
    found = await there.reconciled()
    books = source(found)
    assert (books.detections, books.new, books.rejected) == (2, 2, {})
    assert found.destinations[0].accepted == 2


async def test_a_chunk_that_nobody_can_read_is_purged_by_the_fetchers_count(there: Scene) -> None:
    chunk = await there.published(fresh("a", "b", "c"), 3)
    there.pages.bury(replace(chunk, body=b"not gzip"), "MalformedBody")
    assert (await purged(there)).unentered == 0
    assert source(await there.reconciled()).rejected == {"Purged": 3}


async def test_what_nobody_counted_and_nobody_can_read_is_purged_and_said(there: Scene) -> None:
    there.pages.bury(replace(fresh("a"), body=b"not gzip"), "MalformedBody")
    await indicators_of(there, "b")
    sent = there.indicators.waiting.pop()
    there.indicators.bury(replace(sent, body=gzip.compress(b"{}")), "MalformedBody")
    result = await purged(there)
    assert (result.purged, result.unentered) == (2, 2)
    found = await there.reconciled()
    assert (source_of(found).rejected, found.destinations[0].lost) == ({}, 1)


async def test_a_strangers_message_is_purged_and_not_counted(there: Scene) -> None:
    there.pages.bury(replace(fresh("a"), properties={}), "MalformedEnvelope")
    forged = fresh("a")
    forged = replace(forged, properties={**forged.properties, f"{PREFIX}source": "/sources/fabrikam/malware_customer"})
    there.pages.bury(forged, "SourceMismatch")
    long = fresh("b")
    there.pages.bury(replace(long, properties={**long.properties, f"{PREFIX}id": "x" * 5000}))
    await purged(there)
    assert (await there.reconciled()).totals()["detections"] == 0


async def test_a_rejected_part_stays_counted_under_its_reason_when_it_is_purged_and_moves_when_it_is_brought_back(
    there: Scene, tmp_path: Path
) -> None:
    there.pages.waiting.append(await there.published(message(bad("a"), stix("b")), 2))
    await there.handle()
    assert len(there.pages.dead) == 1
    await purged(there, file=tmp_path / "purged.jsonl")
    books = source(await there.reconciled())
    assert (books.detections, books.new, books.rejected, books.lost) == (2, 1, {"BadHash": 1}, 0)


async def test_purged_indicators_are_refused_by_a_person_until_they_are_brought_back(
    there: Scene, tmp_path: Path
) -> None:
    await indicators_of(there, "a", "b")
    there.indicators.bury(there.indicators.waiting.pop(), "NotRouted")
    assert (await there.reconciled()).destinations[0].dead == 2
    await purged(there, file=tmp_path / "purged.jsonl")
    found = await there.reconciled()
    assert (found.closed, found.destinations[0].refused) == (True, {"Purged": 2})
    await brought_back(there, tmp_path / "purged.jsonl")
    await there.deliver()
    found = await there.reconciled()
    assert (found.closed, found.destinations[0].accepted, found.destinations[0].refused) == (True, 2, {})


async def test_what_the_workspace_has_stays_accepted_when_a_dead_letter_with_it_is_purged(there: Scene) -> None:
    await indicators_of(there, "a")
    copy = there.indicators.waiting[0]
    await there.deliver()
    there.indicators.bury(copy)
    await purged(there)
    (books,) = (await there.reconciled()).destinations
    assert (books.accepted, books.refused, books.closed) == (1, {}, True)


@pytest.mark.parametrize(
    ("change", "detections", "rejected", "added"),
    [
        (changed_region, 2, {}, 0),
        (keep_records(1), 2, {"Purged": 1}, 0),
        (keep_records(2, stix("c"), stix("d")), 4, {}, 2),
        (keep_records(0), 2, {"Purged": 2}, 0),
    ],
)
async def test_a_mended_chunk_is_counted_once_and_through_what_it_is_now(
    there: Scene, change: Callable[[Any], None], detections: int, rejected: dict[str, int], added: int
) -> None:
    letter = there.pages.bury(await there.published(fresh("a", "b"), 2))
    await mended(there, there.pages, letter, change)
    waiting = source(await there.reconciled())
    assert (waiting.detections, waiting.rejected, waiting.added) == (detections, rejected, added)
    await there.handle()
    await there.deliver()
    books = source(await there.reconciled())
    assert (books.detections, books.rejected, books.added, books.waiting) == (detections, rejected, added, 0)
    assert books.new == detections - sum(rejected.values())
    # The fetcher may send the old one once more; it is dealt with.
    there.pages.waiting.append(fresh("a", "b"))
    await there.handle()
    assert source(await there.reconciled()) == books


async def test_a_mended_chunk_that_dies_and_is_mended_or_purged_again_is_counted_once(there: Scene) -> None:
    letter = there.pages.bury(await there.published(fresh("a", "b", "c"), 3))
    await mended(there, there.pages, letter, keep_records(2))
    letter = there.pages.bury(there.pages.waiting.pop())
    books = source(await there.reconciled())
    assert (books.detections, books.dead, books.rejected) == (3, 2, {"Purged": 1})
    await mended(there, there.pages, letter, keep_records(2, stix("x"), stix("y")))
    there.pages.bury(there.pages.waiting.pop())
    books = source(await there.reconciled())
    assert (books.detections, books.dead, books.added) == (5, 4, 2)
    await purged(there)
    assert source(await there.reconciled()).rejected == {"Purged": 5}


async def test_a_chunk_that_is_mended_back_into_what_it_was_is_handled(there: Scene) -> None:
    letter = there.pages.bury(await there.published(fresh("a", "b"), 2))
    await mended(there, there.pages, letter, keep_records(1))
    letter = there.pages.bury(there.pages.waiting.pop())
    await mended(there, there.pages, letter, keep_records(1, stix("b")))
    await there.handle()
    await there.deliver()
    books = source(await there.reconciled())
    assert (books.new, books.waiting, books.dead) == (2, 0, 0)


async def test_a_mending_whose_dead_letter_somebody_holds_is_counted_once_when_that_is_purged_later(
    there: Scene,
) -> None:
    letter = there.pages.bury(await there.published(fresh("a", "b"), 2))
    there.pages.locked = True
    assert not (await mended(there, there.pages, letter, changed_region)).removed
    there.pages.locked = False
    await purged(there)
    await there.handle()
    await there.deliver()
    books = source(await there.reconciled())
    assert (books.detections, books.new, books.rejected) == (2, 2, {})


async def test_a_mended_part_moves_what_is_read_now_and_the_old_part_moves_nothing_more(there: Scene) -> None:
    there.pages.waiting.append(await there.published(message(bad("a"), bad("b"), stix("c")), 3))
    await there.handle()
    (letter,) = there.pages.dead.values()
    await mended(there, there.pages, letter, keep_records(0, stix("a")))
    await there.handle()
    there.pages.waiting.append(letter.message)
    await there.handle()
    await there.deliver()
    books = source(await there.reconciled())
    assert (books.detections, books.new, books.rejected, books.lost) == (3, 2, {"BadHash": 1}, 0)


async def test_indicators_that_are_taken_out_of_a_batch_are_counted_as_purged(there: Scene) -> None:
    await indicators_of(there, "a", "b", "c")
    letter = there.indicators.bury(there.indicators.waiting.pop(), "ObjectRefused")

    def change(body: Any) -> None:
        del body["objects"][1]

    await mended(there, there.indicators, letter, change)
    found = await there.reconciled()
    assert (found.closed, found.destinations[0].waiting, found.destinations[0].refused) == (True, 2, {"Purged": 1})
    await there.deliver()
    assert (await there.reconciled()).destinations[0].accepted == 2


@pytest.mark.parametrize("replacement", [0, 2, 3, 9])
def test_a_chunk_that_is_mended_while_the_books_are_read_waits_in_the_mended_one(replacement: int) -> None:
    books = SourceBooks(source=CUSTOMER, tenant="contoso", feed="malware_customer", region="eu", detections=3)
    books.take(ChunkBooks.of_replaced(3, "mended", replacement))
    assert (books.closed, books.waiting) == (True, min(3, replacement))


async def killed_at_every_step(
    there: Scene, work: Callable[[Fuse], Coroutine[Any, Any, Any]], check: Callable[[], Coroutine[Any, Any, None]]
) -> int:
    """Let the work die at its first step, then at its second, and so on until it comes through; check after each."""
    for steps in range(1, 60):
        fuse = Fuse(steps)
        with suppress(Crash):
            await work(fuse)
        there.books()
        await check()
        if fuse.burnt < steps:
            return steps
    pytest.fail("it never came through")


async def test_a_purge_that_is_killed_at_any_step_leaves_books_that_close(there: Scene) -> None:
    for names in ("a", "bc", "def"):
        there.pages.bury(await there.published(fresh(*names), len(names)))
    await indicators_of(there, "x", "y", "z")
    there.indicators.bury(there.indicators.waiting.pop())

    async def check() -> None:
        source(await there.reconciled())

    assert await killed_at_every_step(there, lambda fuse: purged(there, fuse), check) > 5
    found = await there.reconciled()
    assert source(found).rejected == {"Purged": 6}
    assert found.destinations[0].refused == {"Purged": 3}
    assert [queue.dead for queue in there.queues] == [{}, {}]


async def test_an_edit_that_is_killed_at_any_step_and_done_again_counts_once(there: Scene) -> None:
    letter = there.pages.bury(await there.published(fresh("a", "b"), 2))

    async def check() -> None:
        assert (await there.reconciled()).closed

    async def work(fuse: Fuse) -> None:
        if there.pages.dead:
            await mended(there, there.pages, letter, keep_records(1, stix("c"), stix("d")), fuse)

    assert await killed_at_every_step(there, work, check) > 3
    await there.handle()
    await there.deliver()
    books = source(await there.reconciled())
    assert (books.detections, books.new, books.added, books.rejected) == (3, 3, 1, {})


async def test_an_edit_that_is_killed_and_then_given_up_for_a_purge_loses_nothing_of_either(there: Scene) -> None:
    letter = there.pages.bury(await there.published(fresh("a", "b"), 2))
    fuse = Fuse(3)
    with pytest.raises(Crash):
        await mended(there, there.pages, letter, changed_region, fuse)
    await purged(there)
    await there.handle()
    await there.deliver()
    assert (await there.reconciled()).closed


async def indicators_of(there: Scene, *names: str) -> None:
    """Let the normalizer make indicators of a chunk, which then wait for the publisher in one message."""
    there.pages.waiting.append(await there.published(fresh(*names), len(names)))
    await there.handle()
    assert len(there.indicators.waiting) == 1
