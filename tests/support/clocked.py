"""`python tests/support/clocked.py fetcher FILE`: a service as it is, with a clock that is as many seconds ahead as
the file says, looked at again each time.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mti.common.hosting import process
from mti.common.hosting.starting import patiently
from mti.common.logs import configure
from mti.common.ports.clock import SystemClock
from mti.common.telemetry import running
from mti.fetcher import worker as fetcher
from mti.fetcher.composition import FetcherSettings
from mti.publisher import worker as publisher
from mti.publisher.configuration import PublisherSettings


class OffClock(SystemClock):
    """The machine's clock, wrong by what a file says."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(self._file.read_text()))


def main(service: str, file: Path) -> Callable[[asyncio.Event], Awaitable[None]]:
    """Return what the service's own `main` does, with that clock."""

    async def work(stop: asyncio.Event) -> None:
        clock = OffClock(file)
        if service == "fetcher":
            fetching = FetcherSettings.from_environment()
            configure(service, fetching.log_level)
            with running(service, fetching):
                await patiently(lambda: fetcher.run(fetching, stop, clock=clock), stop)
        else:
            publishing = PublisherSettings.from_environment()
            configure(service, publishing.log_level)
            with running(service, publishing):
                await patiently(lambda: publisher.run(publishing, stop, clock=clock), stop)

    return work


if __name__ == "__main__":
    process.run(main(sys.argv[1], Path(sys.argv[2])))
