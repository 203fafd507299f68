"""A process that uses a SQLite store beside others: `python -m tests.contract.store.processes WHAT FILE`."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from mti.common.adapters.sqlite import SqliteStore
from mti.common.errors import WriteConflict
from mti.common.ports.store import Container, Document

ROUNDS = 150
BATCH_SIZE = 40
TEXT = "0123456789abcdef" * 40


def batch(number: int) -> list[Document]:
    return [
        Document(partition=f"batch-{number}", id=f"{index:03}", body={"batch": number, "index": index, "text": TEXT})
        for index in range(BATCH_SIZE)
    ]


async def contend(known: Container) -> None:
    """Count the one document up to `ROUNDS` by compare-and-set; print each number that was set here."""
    while True:
        current = await known.read("race", "count") or Document(partition="race", id="count", body={"count": 0})
        count = current.body["count"]
        assert isinstance(count, int)
        if count == ROUNDS:
            return
        try:
            await known.write(replace(current, body={"count": count + 1}))
        except WriteConflict:
            continue
        print(count + 1, flush=True)  # noqa: T201 (what the test reads)


async def write(known: Container) -> None:
    """Write batch after batch, for ever; print the number of each that the store has confirmed."""
    number = len([name async for name in known.partitions()])
    while True:
        assert None not in await known.write_many(batch(number))
        print(number, flush=True)  # noqa: T201 (what the test reads)
        number += 1


async def fail(known: Container) -> None:
    """Write once and fail, with the store open."""
    await known.write_many(batch(0))
    print(1, flush=True)  # noqa: T201 (what the test reads)
    sys.exit(1)


async def main(what: str, path: str) -> None:
    store = SqliteStore(Path(path))
    await {"contend": contend, "write": write, "fail": fail}[what](store.container("known"))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
