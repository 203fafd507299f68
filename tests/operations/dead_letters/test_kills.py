"""SIGKILL at every step, then the same once more: nothing is lost and nothing is doubled."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.contracts import PageChunk, decode
from mti.normalizer.records import Ledger
from mti.operations.dead_letters import (
    FileReplay,
    Selection,
    ServiceBooks,
    append_archive,
    body_to_edit,
    find,
    one_letter,
    purge,
    send_mended,
    write_archive,
)
from tests.operations.dead_letters.world import EVERYTHING, World
from tests.publisher.world import CUSTOMER
from tests.support.bus import RAW_PAGES
from tests.support.processes import start_python
from tests.support.waiting import in_time

pytestmark = pytest.mark.asyncio(loop_scope="session")

COUNT = 120
STEPS = [("read", 1), ("sent", 1), ("removed", 1), ("sent", 51)]


async def killed(there: World, action: str, step: str, number: int, file: Path | None = None) -> None:
    """Let a process come to that step, and kill it there."""
    arguments = [there.namespace.connection_string, action, step, str(number), *([str(file)] if file else [])]
    process = await start_python(
        "-m", "tests.operations.dead_letters.doomed", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert await in_time(process.stdout.readline()) == b"there\n"
    finally:
        process.kill()
        await process.wait()


async def arrived(there: World) -> Counter[bytes]:
    return Counter(message.body for message in await there.drain(RAW_PAGES))


@pytest.mark.parametrize(("step", "number"), STEPS)
async def test_a_replay_that_is_killed_and_run_again_loses_and_doubles_nothing(
    there: World, step: str, number: int
) -> None:
    pages = [there.page(str(n)) for n in range(COUNT)]
    await there.die(RAW_PAGES, *pages)
    await killed(there, "replay", step, number)
    result = await there.replay()
    assert result.complete
    assert await arrived(there) == Counter(page.body for page in pages)
    assert await there.dead(RAW_PAGES) == []


@pytest.mark.parametrize(("step", "number"), [("removed", 50), ("sent", 51)])
async def test_the_replay_of_a_file_that_is_killed_and_run_again_goes_on_where_it_stopped(
    there: World, tmp_path: Path, step: str, number: int
) -> None:
    pages = [there.page(str(n)) for n in range(COUNT)]
    await there.die(RAW_PAGES, *pages)
    file = tmp_path / "letters.jsonl"
    assert await write_archive(file, find(there.queues, EVERYTHING, there.clock)) == COUNT
    await killed(there, "file", step, number, file)
    entities = tuple(queue.entity for queue in there.queues)
    work = FileReplay(file, entities, EVERYTHING, there.clock, random.Random(2))
    result = await work.run(there.replayer())
    assert result.matched + result.already == COUNT
    assert result.already == {"removed": 0, "sent": 50}[step]
    assert await arrived(there) == Counter(page.body for page in pages)
    assert await there.dead(RAW_PAGES) == []


@pytest.mark.parametrize("step", ["entered", "removed"])
async def test_a_purge_that_is_killed_has_written_down_and_entered_whatever_it_removed(
    there: World, tmp_path: Path, step: str
) -> None:
    pages = [there.page(str(n)) for n in range(COUNT)]
    await there.die(RAW_PAGES, *pages)
    file = tmp_path / "logs" / "purged.jsonl"
    await killed(there, "purge", step, 60, file)
    left = len(await there.dead(RAW_PAGES))
    assert 0 < left < COUNT
    store, fetched = (
        packed(SqliteStore(file.parent / "normalizer.db")),
        packed(SqliteStore(file.parent / "fetcher.db", read_only=True)),
    )
    try:
        ledger = Ledger(store.container("ledger"))
        assert COUNT - left <= (await ledger.totals(CUSTOMER)).rejected["Purged"] < COUNT
        books = ServiceBooks(fetched, store, store, there.clock)
        result = await purge(
            there.queues, await there.plan(), lambda letters: append_archive(file, letters), books=books
        )
        assert result.complete
        assert (await ledger.totals(CUSTOMER)).rejected == {"Purged": COUNT}
    finally:
        await asyncio.gather(store.close(), fetched.close())
    entities = tuple(queue.entity for queue in there.queues)
    back = FileReplay(file, entities, Selection(), there.clock, random.Random(2))
    assert (await back.run(there.replayer())).complete
    assert set(await arrived(there)) == {page.body for page in pages}


async def test_an_edit_that_is_killed_and_done_again_sends_one_message(there: World, tmp_path: Path) -> None:
    await there.die(RAW_PAGES, there.page("a"), reason="BadTimestamp")
    (message,) = await there.dead(RAW_PAGES)
    queue, letter = await one_letter(there.queues, message.sequence_number)
    file = tmp_path / "body.json"
    file.write_bytes(body_to_edit(letter).replace(b'"name"', b'"mended"'))
    await killed(there, str(message.sequence_number), "sent", 1, file)
    assert (await send_mended(queue, letter, file.read_bytes())).removed
    (back,) = await there.drain(RAW_PAGES)
    _, chunk = decode(back, PageChunk)
    assert chunk.records[0] == [{"mended": f"{there.test} a", "type": "indicator"}]
    assert await there.dead(RAW_PAGES) == []
