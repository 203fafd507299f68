"""A process that works on dead letters until it has come to a step, says so, and waits to be killed.

`python -m tests.operations.dead_letters.doomed CONNECTION_STRING ACTION STEP NUMBER [FILE]`
"""

import asyncio
import random
import signal
import sys
from pathlib import Path
from typing import Any

from mti.common.adapters.packed import packed
from mti.common.adapters.servicebus import ServiceBus
from mti.common.adapters.sqlite import SqliteStore
from mti.common.ports.clock import SystemClock
from mti.common.topology import STANDARD
from mti.deployment.service_bus.dead_letter_queue import ServiceBusDeadLetterQueue
from mti.operations.dead_letters import (
    FileReplay,
    NoJudge,
    Replayer,
    ReplayOptions,
    Selection,
    ServiceBooks,
    append_archive,
    one_letter,
    plan,
    purge,
    send_mended,
)


def books_in(folder: Path) -> ServiceBooks:
    """Return the books of services whose stores are in that folder."""
    folder.mkdir(exist_ok=True)
    fetcher, normalizer, publisher = (
        packed(SqliteStore(folder / f"{name}.db")) for name in ("fetcher", "normalizer", "publisher")
    )
    return ServiceBooks(fetcher, normalizer, publisher, SystemClock())


async def main(connection: str, action: str, step: str, number: int, file: str | None) -> None:
    clock, seen = SystemClock(), 0
    bus = ServiceBus.from_connection_string(connection)
    entities = STANDARD.entities
    queues = [ServiceBusDeadLetterQueue(bus, entity, clock, wait=0.2) for entity in entities]

    def progress(at: Any, _: Any) -> None:
        nonlocal seen
        seen += at.value == step
        if seen == number:
            sys.stdout.write("there\n")
            sys.stdout.flush()
            signal.pause()

    replayer = Replayer(queues, NoJudge(), clock, ReplayOptions(), progress)
    if action == "replay":
        await replayer.replay(await plan(queues, Selection(), clock))
    elif action == "file":
        await FileReplay(Path(str(file)), entities, Selection(), clock, random.SystemRandom()).run(replayer)
    elif action == "purge":
        planned, kept = await plan(queues, Selection(), clock), Path(str(file))
        books = books_in(kept.parent)
        await purge(queues, planned, lambda letters: append_archive(kept, letters), progress, books=books)
    else:
        queue, letter = await one_letter(queues, int(action))
        await send_mended(queue, letter, Path(str(file)).read_bytes(), progress)


if __name__ == "__main__":
    _, connection, action, step, number, *files = sys.argv
    asyncio.run(main(connection, action, step, int(number), files[0] if files else None))
