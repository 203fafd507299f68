"""A store that can be read and not written: nothing is uploaded twice, and nothing more is until it is written down."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.publisher.records import PublishedVersions, destination_checkpoints
from mti.simulators.sentinel import SentinelFault, SentinelFaultKind
from tests.publisher.world import (
    FABRIKAM,
    OTHER_CUSTOMER,
    World,
    completed,
    hash_of,
    indicator,
    message,
    messages_of,
    reasons,
)

NAMES = [f"f-{number}" for number in range(250)]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the only write lock of a file; it can be read all the while."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


@contextmanager
def refusing(path: Path, container: str = "published") -> Iterator[None]:
    """Let the file refuse every write to a container, by a trigger."""
    connection = sqlite3.connect(path)
    for event in ("INSERT", "UPDATE"):
        connection.execute(
            f"CREATE TRIGGER no_{event} BEFORE {event} ON documents WHEN NEW.container = '{container}' "
            "BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
    connection.commit()
    try:
        yield
    finally:
        connection.execute("DROP TRIGGER no_INSERT")
        connection.execute("DROP TRIGGER no_UPDATE")
        connection.commit()
        connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "publisher.db"


async def test_what_was_accepted_and_could_not_be_recorded_is_not_uploaded_again(there: World, path: Path) -> None:
    publisher = there.publisher()
    await publisher([message(indicator("first"))])
    before = there.count("requests")
    backlog = messages_of(NAMES, 50)
    with refusing(path):
        for _ in range(10):
            assert reasons(await publisher(backlog)) == ["Park"] * 5
        # Those that were under way when the first of them could not be written down.
        assert 1 <= there.count("requests") - before <= 3
    assert completed(await publisher(backlog))
    assert there.holds() == {hash_of(name) for name in [*NAMES, "first"]}
    assert there.count("identical_resends") == 0
    assert there.count("requests") - before == 3


async def test_a_store_that_is_locked_for_long_costs_no_upload(there: World, path: Path) -> None:
    impatient = packed(SqliteStore(path, clock=there.clock, busy_timeout=0.1), there.clock)
    publisher = there.publisher(
        versions=PublishedVersions(impatient.container("published"), there.clock),
        checkpoints=destination_checkpoints(impatient.container("checkpoints")),
    )
    await publisher([message(indicator("first"))])
    before = there.count("requests")
    with locked(path):
        for _ in range(5):
            assert reasons(await publisher(messages_of(NAMES, 50))) == ["Park"] * 5
    assert there.count("requests") - before == 0
    assert completed(await publisher(messages_of(NAMES, 50)))
    assert there.count("identical_resends") == 0
    await impatient.close()


async def test_a_process_that_finds_the_store_unwritable_uploads_nothing_at_all(there: World, path: Path) -> None:
    await there.publisher()([message(indicator("first"))])
    before = there.count("requests")
    with refusing(path, "checkpoints"):
        for _ in range(5):
            assert reasons(await there.publisher()(messages_of(NAMES, 50))) == ["Park"] * 5
        assert there.count("requests") == before
    assert completed(await there.publisher()(messages_of(NAMES, 50)))


async def test_a_refusal_that_could_not_be_recorded_is_recorded_first(there: World, path: Path) -> None:
    there.faults(SentinelFault(kind=SentinelFaultKind.REFUSE_RECORD, holds=indicator("bad").id, times=None))
    publisher = there.publisher()
    await publisher([message(indicator("first"))])
    before = there.count("requests")
    with refusing(path):
        for _ in range(5):
            await publisher([message(indicator("bad"), indicator("good"))])
        assert there.count("requests") - before == 1
    assert completed(await publisher([message(indicator("bad"), indicator("good"))]))
    assert there.count("identical_resends") == 0


async def test_one_workspace_s_memory_holds_up_no_other(there: World, path: Path) -> None:
    publisher = there.publisher()
    other = message(indicator("b"), to=FABRIKAM, source=OTHER_CUSTOMER)
    await publisher([message(indicator("first")), other])
    with refusing(path):
        await publisher([message(indicator("a"))])
    assert completed(await publisher([message(indicator("c"), to=FABRIKAM, source=OTHER_CUSTOMER)]))
    assert completed(await publisher([message(indicator("a"))]))
    assert there.count("identical_resends") == 0


async def test_a_process_that_ends_writes_down_what_it_has_in_mind(there: World, path: Path) -> None:
    publisher = there.publisher()
    await publisher([message(indicator("first"))])
    with refusing(path):
        await publisher([message(indicator("a"))])
    await publisher.finish()
    assert completed(await there.publisher()([message(indicator("a"))]))
    assert there.count("identical_resends") == 0


async def test_the_end_of_a_process_fails_over_no_store(there: World, path: Path) -> None:
    publisher = there.publisher()
    await publisher([message(indicator("first"))])
    with refusing(path):
        await publisher([message(indicator("a"))])
        await publisher.finish()
