"""`python -m tests.bench.memory DETECTIONS`: cuts so many into messages and normalizes them; prints its peak memory.

Page after page of 20,000, each of other files with the repeats of a real feed, by the services' own code; the store
is on disk, and what is sent is forgotten.
"""

import asyncio
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from mti.common.adapters.packed import packed
from mti.common.adapters.sqlite import SqliteStore
from mti.common.hosting.process import collect_seldom
from mti.common.ports.settlement import Complete
from tests.bench.bench_fetcher import messages
from tests.bench.floor import DETECTIONS, page_of
from tests.bench.normalizing import Topic, handler_on
from tests.normalizer.world import received

HASH = re.compile(rb"(?<=SHA-256' = ')[0-9a-fA-F]{8}")


async def main(detections: int) -> None:
    """Handle them, and print bytes."""
    collect_seldom()
    page = page_of()
    with tempfile.TemporaryDirectory() as folder:
        store = packed(SqliteStore(Path(folder) / "store.db"))
        handler = handler_on(store, Topic())
        for number in range(detections // DETECTIONS):
            for message in messages(of_others(page, number)):
                outcomes = await handler([replace(received(message), enqueued_at=None)])
                if outcomes != [Complete()]:
                    sys.exit("not every chunk was handled")
        await store.close()
    sys.stdout.write(f"{peak()}\n")


def peak() -> int:
    """Return the most bytes that this process had. What `getrusage` says holds the memory of whoever started it, too
    (https://man7.org/linux/man-pages/man5/proc_pid_status.5.html, `VmHWM`).
    """
    [kibibytes] = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(kibibytes) * 1024


def of_others(page: bytes, number: int) -> bytes:
    """Return the page with other files in it, other ones for each number: their hashes begin otherwise."""
    return HASH.sub(lambda found: b"%08x" % (int(found[0], 16) ^ number), page)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
