"""The journal and the tables, where no client can see: what is torn, refused, or merged."""

import random
import resource
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from servicebus_local import ManualClock, NamespaceConfig
from servicebus_local.broker.broker import Broker
from servicebus_local.errors import ServiceError
from servicebus_local.messages.incoming import decode
from servicebus_local.record import DeadLetter, MessageRecord, State
from servicebus_local.storage.batch import WriteBatch
from servicebus_local.storage.merging import merged
from servicebus_local.storage.schema import open_database

MESSAGE = bytes.fromhex("005375a00568656c6c6f")
HEAD = struct.Struct(">QII")
TABLES = ("bodies", "messages", "history", "session_states", "entities", "queues")


class Storage:
    """A queue on a folder, without a client."""

    def __init__(self, folder: Path) -> None:
        self.broker = Broker(NamespaceConfig.build({"q": {}}), folder, ManualClock(), lambda _: None)

    def publish(self) -> ServiceError | None:
        answers: list[ServiceError | None] = []
        self.broker.entity("q").open_destination().publish([decode(MESSAGE)], answers.append)
        self.broker.store.commit()
        (answer,) = answers
        return answer

    def follow(self) -> None:
        self.broker.store.follow()

    @property
    def active(self) -> int:
        return self.broker.statistics()["q"]["active"]


@contextmanager
def opened(folder: Path) -> Iterator[Storage]:
    storage = Storage(folder)
    try:
        yield storage
    finally:
        storage.broker.close()


def as_killed(folder: Path) -> Path:
    """The folder as a `kill -9` at this moment would leave it."""
    copy = folder.with_name(f"{folder.name}-killed")
    shutil.rmtree(copy, ignore_errors=True)
    return shutil.copytree(folder, copy)


def test_what_is_confirmed_is_in_the_journal_until_it_is_in_the_tables(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with opened(folder) as storage:
        for count in range(1, 6):
            assert storage.publish() is None
            if count == 3:
                storage.follow()
            with opened(as_killed(folder)) as again:
                assert again.active == count
                assert again.publish() is None
        for _ in range(2):  # a journal that was taken in is not taken in again
            with opened(tmp_path / "data-killed") as again:
                assert again.active == 6


@pytest.mark.parametrize("lost", [1, 40])
def test_a_record_that_is_torn_ends_the_journal(tmp_path: Path, lost: int) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with opened(folder) as storage:
        for _ in range(5):
            storage.publish()
        storage.follow()
        storage.publish()  # shorter than what it is written over
        storage.publish()
        whole = as_killed(folder)
        journal = whole / "namespace.journal"
        damaged = bytearray(journal.read_bytes())
        end = 0
        for _ in range(2):
            end += HEAD.size + HEAD.unpack_from(damaged, end)[1]
        damaged[end - lost] ^= 0xFF
        journal.write_bytes(damaged)
        with opened(whole) as again:
            assert again.active == 6


def test_what_the_tables_refuse_stays_in_the_journal_and_nothing_new_is_taken_in(tmp_path: Path) -> None:
    with opened(tmp_path) as storage, closing(sqlite3.connect(tmp_path / "namespace.sqlite3")) as other:
        other.execute("BEGIN IMMEDIATE")  # holds the only write lock
        assert storage.publish() is None
        storage.follow()
        refused = storage.publish()
        assert "refused a write" in str(refused)
        assert storage.active == 1
        other.rollback()
        assert storage.publish() is None
        assert storage.active == 2


def test_what_the_disk_refuses_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        assert storage.publish() is None
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "namespace.journal").stat().st_size + 20, limits[1]))
        try:
            refused = storage.publish()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert "refused a write" in str(refused)
        assert storage.active == 1
        assert storage.publish() is None
        with opened(as_killed(tmp_path)) as again:
            assert again.active == 2


@pytest.mark.parametrize("seed", range(20))
def test_merged_batches_do_what_each_would_do_in_turn(tmp_path: Path, seed: int) -> None:
    batches = random_batches(random.Random(seed))
    few = merged(batches)
    assert len(few) < len(batches)
    assert tables_after(tmp_path / "few.sqlite3", few) == tables_after(tmp_path / "each.sqlite3", batches)


def random_batches(rng: random.Random) -> list[WriteBatch]:
    """What a broker might write, a message in a batch once at most."""
    waiting: dict[int, tuple[int, MessageRecord]] = {}
    batches = [WriteBatch() for _ in range(60)]
    for number, batch in enumerate(batches):
        for sequence in rng.sample(sorted(waiting), min(3, len(waiting))):
            change_one(rng, waiting, sequence, batch)
        set_or_remove(rng, number, batch)
        if number == 30:
            batch.dropped.append(2)
            waiting = {sequence: place for sequence, place in waiting.items() if place[0] == 1}
        record = MessageRecord(number, number, None, State.ACTIVE, 0, number, None, None, None, 5)
        batch.insert(1, record, b"", b"%d" % number)
        batch.sequences[1] = number
        waiting[number] = 1, record
    return batches


def change_one(
    rng: random.Random, waiting: dict[int, tuple[int, MessageRecord]], sequence: int, batch: WriteBatch
) -> None:
    queue, record = waiting[sequence]
    match rng.randrange(5):
        case 0:
            batch.count(queue, record, rng.randrange(10))
        case 1:
            batch.defer(queue, record)
        case 2 if queue == 1:
            batch.dead_letter(queue, 2, record, 1, DeadLetter("why", None, "q"))
            waiting[sequence] = 2, record
        case _:
            batch.delete(queue, record)
            del waiting[sequence]


def set_or_remove(rng: random.Random, number: int, batch: WriteBatch) -> None:
    name = str(rng.randrange(3))
    match rng.randrange(5):
        case 0:
            batch.remembered.append((1, name, number))
        case 1:
            batch.forgotten.append((1, name))
        case 2:
            batch.session_states.append((1, name, b"%d" % number, number))
        case 3:
            batch.cleared_states.append((1, name))
        case _:
            batch.entities.append((name, str(number)))


def tables_after(path: Path, batches: list[WriteBatch]) -> dict[str, list[tuple[object, ...]]]:
    with closing(open_database(path)) as connection:
        connection.executescript("INSERT INTO queues VALUES(1, 'q', 1), (2, 'dead', 1)")
        for batch in batches:
            batch.apply(connection)
        return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in TABLES}
