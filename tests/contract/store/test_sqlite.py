"""The store's contract on SQLite, and what is SQLite's own: several processes, sudden death, times to live."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from io import UnsupportedOperation
from itertools import chain
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest

from mti.common.adapters.sqlite import PURGE_SECONDS, SqliteStore
from mti.common.adapters.sqlite_file import LAYOUT_VERSION
from mti.common.errors import ConfigurationError, StoreUnavailable, WriteConflict
from mti.common.ports.store import Document, Store
from mti.stack.launching.processes import Process
from tests.contract.store.contract import StoreContract, document
from tests.contract.store.processes import ROUNDS, batch
from tests.support.clocks import HandClock
from tests.support.processes import start_python


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a name with spaces? and #.sqlite"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store(path: Path, clock: HandClock) -> AsyncIterator[Store]:
    store = SqliteStore(path, clock=clock)
    yield store
    await store.close()


async def start(what: str, path: Path) -> Process:
    return await start_python("-m", "tests.contract.store.processes", what, str(path), stdout=PIPE, stderr=DEVNULL)


async def numbers_of(process: Process) -> list[int]:
    output, _ = await process.communicate()
    return [int(line) for line in output.split()]


class TestSqlite(StoreContract):
    documents_beyond_a_page = 1_203


async def test_another_store_on_the_file_sees_what_was_written(store: Store, path: Path) -> None:
    written = await store.container("known").write(document("a"))
    again = SqliteStore(path)
    assert await again.container("known").read("contoso", "a") == written
    await again.close()
    assert await store.container("known").read("contoso", "a") == written


async def test_versions_go_on_after_the_file_was_closed(path: Path) -> None:
    etags = []
    for _ in range(3):
        store = SqliteStore(path)
        etags.append((await store.container("known").write(document("a"))).etag)
        await store.container("known").delete("contoso", "a")
        await store.close()
    assert len(set(etags)) == 3


async def test_an_expired_document_is_gone_for_every_reader(store: Store, clock: HandClock) -> None:
    known = store.container("known")
    await known.write(document("short", ttl=10))
    await known.write(document("short", "expired", ttl=10))
    kept = await known.write(document("long", ttl=11))
    clock.time += timedelta(seconds=10)
    assert await known.read("contoso", "short") is None
    assert await known.read_many("contoso", ["short", "long"]) == {"long": kept}
    assert await known.read_each([("contoso", "short"), ("contoso", "long")]) == {("contoso", "long"): kept}
    assert [found async for found in known.scan("contoso")] == [kept]
    assert [name async for name in known.partitions()] == ["contoso"]


async def test_an_expired_document_can_be_made_anew_and_not_be_replaced(store: Store, clock: HandClock) -> None:
    known = store.container("known")
    expired = await known.write(document("a", ttl=10))
    clock.time += timedelta(seconds=10)
    with pytest.raises(WriteConflict):
        await known.write(expired)
    again = await known.write(document("a", n=2))
    assert await known.read("contoso", "a") == again


async def test_a_write_begins_the_time_to_live_again(store: Store, clock: HandClock) -> None:
    known = store.container("known")
    first = await known.write(document("a", ttl=10))
    clock.time += timedelta(seconds=9)
    second = await known.write(replace(first, body={"n": 2}))
    clock.time += timedelta(seconds=9)
    assert await known.read("contoso", "a") == second


async def test_later_writes_remove_what_has_expired(store: Store, clock: HandClock, path: Path) -> None:
    known = store.container("known")
    await known.write_many([document(f"{number:04}", ttl=10) for number in range(1_200)])
    clock.time += timedelta(seconds=10 + PURGE_SECONDS)
    for number in range(4):
        await known.write(document(f"kept-{number}"))
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (4,)
    connection.close()


async def test_processes_that_compare_and_set_have_one_winner_a_round(path: Path) -> None:
    processes = [await start("contend", path) for _ in range(2)]
    won = await asyncio.gather(*(numbers_of(process) for process in processes))
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(chain.from_iterable(won)) == list(range(1, ROUNDS + 1))


async def test_processes_may_open_a_new_file_at_the_same_time(path: Path) -> None:
    stores = [SqliteStore(path) for _ in range(8)]  # as many connections as there would be in as many processes
    written = await asyncio.gather(
        *(store.container("known").write(document(f"{number}")) for number, store in enumerate(stores))
    )
    assert len({one.etag for one in written}) == 8
    await asyncio.gather(*(store.close() for store in stores))


async def test_a_writer_killed_at_any_moment_leaves_whole_documents(path: Path) -> None:
    onlooker = SqliteStore(path, read_only=True)
    for kill in range(4):
        writer = await start("write", path)
        assert writer.stdout is not None
        confirmed = [int(await writer.stdout.readline()) for _ in range(3 + 5 * kill)]
        writer.kill()
        confirmed += await numbers_of(writer)
        latecomer = SqliteStore(path, read_only=True)
        for known in (onlooker.container("known"), latecomer.container("known")):
            partitions = [name async for name in known.partitions()]
            assert {f"batch-{number}" for number in confirmed} <= set(partitions)
            for number in range(len(partitions)):
                found = [replace(one, etag=None) async for one in known.scan(f"batch-{number}")]
                assert found == batch(number)
        await latecomer.close()
    await onlooker.close()


async def test_a_process_that_fails_with_the_store_open_ends(path: Path) -> None:
    process = await start("fail", path)
    assert await numbers_of(process) == [1]
    assert process.returncode == 1


async def test_a_look_at_a_file_sees_what_is_written_meanwhile(store: Store, path: Path) -> None:
    onlooker = SqliteStore(path, read_only=True)
    look = onlooker.container("known")
    assert await look.read("contoso", "a") is None  # there is no file yet
    assert list(path.parent.iterdir()) == []
    assert [name async for name in look.partitions()] == []
    written = await store.container("known").write(document("a"))
    assert await look.read("contoso", "a") == written
    with pytest.raises(UnsupportedOperation):
        await look.write(document("b"))
    with pytest.raises(UnsupportedOperation):
        await look.delete("contoso", "a")
    await onlooker.close()


async def test_a_file_held_for_too_long_is_unavailable_and_can_still_be_read(path: Path) -> None:
    store = SqliteStore(path, busy_timeout=0.1)
    known = store.container("known")
    written = await known.write(document("a"))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="another process"):
        await known.write(document("b"))
    with pytest.raises(StoreUnavailable, match="another process"):
        await known.delete("contoso", "a")
    assert await known.read("contoso", "a") == written
    holder.execute("ROLLBACK")
    holder.close()
    await known.write(document("b"))
    await store.close()


async def test_a_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "no such folder" / "a.sqlite")
    with pytest.raises(StoreUnavailable, match="can't be opened"):
        await store.container("known").read("contoso", "a")
    await store.close()


async def test_a_file_of_a_newer_release_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {LAYOUT_VERSION + 1}")
    connection.close()
    for read_only in (False, True):
        store = SqliteStore(path, read_only=read_only)
        with pytest.raises(ConfigurationError, match="newer release"):
            await store.container("known").read("contoso", "a")
        await store.close()


async def test_a_file_of_the_first_layout_keeps_its_documents(path: Path, clock: HandClock) -> None:
    with sqlite3.connect(path) as connection:
        connection.executescript(FIRST_LAYOUT)
    connection.close()
    look = SqliteStore(path, read_only=True, clock=clock)
    try:
        assert await look.container("c").read("p", "a") == Document(partition="p", id="a", body={"n": 1}, etag="7")
    finally:
        await look.close()
    store = SqliteStore(path, clock=clock)
    try:
        container = store.container("c")
        assert (await container.write(Document(partition="p", id="b", body={}))).etag == "9"
        assert await container.read("p", "a") == Document(partition="p", id="a", body={"n": 1}, etag="7")
        assert await container.read("p", "gone") is None
    finally:
        await store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (LAYOUT_VERSION,)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert tables == {"documents", "counter"}


FIRST_LAYOUT = """
    CREATE TABLE documents (
        container TEXT NOT NULL, partition TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, ttl INTEGER,
        expires REAL, body TEXT NOT NULL, PRIMARY KEY (container, partition, id)) WITHOUT ROWID;
    CREATE INDEX documents_by_expiry ON documents (expires) WHERE expires IS NOT NULL;
    CREATE TABLE counter (version INTEGER NOT NULL);
    INSERT INTO counter VALUES (8);
    INSERT INTO documents VALUES ('c', 'p', 'a', 7, NULL, NULL, '{"n":1}'), ('c', 'p', 'gone', 8, 1, 1.0, '{}');
    PRAGMA user_version = 1;
"""
"""What releases before wrote."""


async def test_a_cancelled_write_leaves_the_store_usable(store: Store) -> None:
    known = store.container("known")
    for turns in range(12):
        task = asyncio.create_task(known.write_many([document(f"{turns}-{index}") for index in range(20)]))
        for _ in range(turns):
            await asyncio.sleep(0.0001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        found = [one.id async for one in known.scan("contoso") if one.id.startswith(f"{turns}-")]
        assert len(found) in (0, 20)
    written = await known.write(document("after"))
    assert await known.read("contoso", "after") == written


async def test_a_closed_store_refuses_to_open_again(path: Path) -> None:
    store = SqliteStore(path)
    known = store.container("known")
    await known.write(Document(partition="contoso", id="a", body={}))
    await store.close()
    await store.close()
    with pytest.raises(RuntimeError, match="closed"):
        await known.read("contoso", "a")
