"""`python -m tests.bench.normalizer_process`: a normalizer that says at its end what each chunk took it.

A line of JSON: a list of `Moment`s, one for each chunk that was handled, with what the process had taken by then.
"""

import json
import logging
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any

from mti.common.adapters.sqlite_file import SqliteFile
from mti.common.hosting import process
from mti.normalizer import worker


@dataclass(frozen=True, slots=True)
class Moment:
    """A chunk was handled. Sums are processor seconds of this process, since it began."""

    at: float
    """Seconds of the machine's monotonic clock, which all processes share."""
    processor: float
    held: float
    """For which it had the one write transaction that the store's file admits, from its beginning to its end."""


class Recorder(logging.Handler):
    """Notes each chunk that the log says was handled."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: list[Moment] = []
        self._held = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == "a chunk was handled":
            self.moments.append(Moment(time.monotonic(), time.process_time(), self._held))

    def timed(self, transact: Callable[..., Any]) -> Callable[..., Any]:
        """Return the way a transaction is made, with its time counted once it has the file."""

        def timed(file: SqliteFile, work: Callable[[sqlite3.Connection], Any]) -> Any:
            began: list[float] = []

            def held(connection: sqlite3.Connection) -> Any:
                began.append(time.thread_time())
                return work(connection)

            try:
                return transact(file, held)
            finally:
                self._held += sum(time.thread_time() - since for since in began)

        return timed


def main() -> None:
    """Normalize until a signal comes, and print what was noted."""
    recorder = Recorder()
    logging.getLogger("mti.normalizer.handler").addHandler(recorder)
    SqliteFile._transact = recorder.timed(SqliteFile._transact)  # type: ignore[method-assign]
    process.serve(worker.main)
    sys.stdout.write(json.dumps([astuple(moment) for moment in recorder.moments]) + "\n")


if __name__ == "__main__":
    main()
