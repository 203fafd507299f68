"""One process of the stack: started, watched, started again when it dies."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import DEVNULL, PIPE

import psutil

from mti.common.hosting.process import MISCONFIGURED
from mti.stack.errors import StackError
from mti.stack.launching.launcher import Launcher
from mti.stack.launching.lifeline import ORPHANED
from mti.stack.launching.processes import Process

log = logging.getLogger(__name__)

QUICK = 10.0
"""Seconds: who ends sooner than this counts as not having come up."""
QUICK_DEATHS = 5
OURS = ("MTI_SERVICEBUS_", "MTI_STORE", "MTI_COSMOS_", "MTI_TENANTS_")
"""Settings that the stack makes itself: what the person's shell says of Azure is not for its processes."""
STOP_WAIT = 30.0
_BETWEEN = 0.05


class Child:
    """A process that is kept running until it is stopped, and that ends when this one does.

    Args:
        launcher: starts it.
        name: what it is called.
        arguments: as `python` takes them.
        environment: added to ours.
        log_file: what it says on standard error.
        announces: whether it prints a line when it is ready.
    """

    def __init__(
        self,
        launcher: Launcher,
        name: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log_file: Path,
        *,
        announces: bool = False,
    ) -> None:
        self.name = name
        self._launcher = launcher
        self._announces = announces
        self._arguments = arguments
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self._environment = {**inherited, **environment, "PYTHONUNBUFFERED": "1"}
        self._log_file = log_file
        self._process: Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._first_line: asyncio.Future[str] | None = None
        self.restarts = 0
        self.peak_rss = 0
        """Bytes, the most that was seen of it, over all its lives."""
        self._processor: dict[int, float] = {}

    @property
    def pid(self) -> int | None:
        """The process id of its present life."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def failure(self) -> BaseException | None:
        """Why it was given up; `None` while it is kept running."""
        if self._keeper is None or not self._keeper.done() or self._keeper.cancelled():
            return None
        return self._keeper.exception()

    async def start(self) -> None:
        """Start it and keep it running."""
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def first_line(self, wait: float) -> str:
        """Return the first line that it prints, which says that it is ready; where it was killed, in its next life.

        Raises:
            StackError: it ended by itself, was killed again and again, or said nothing in that many seconds.
        """
        try:
            line = await asyncio.wait_for(self._announced(), wait)
        except TimeoutError:
            line = b""
        if not line:
            raise StackError(f"{self.name} did not come up; {self._log_file} says why:\n{self.last_words()}")
        return line.decode()

    @property
    def processor_seconds(self) -> float:
        """The processor time of all its lives, as far as it was seen: a life's last part is not."""
        return sum(self._processor.values())

    def sample(self) -> None:
        """Look at how much memory it has, and how much processor time it took."""
        if (pid := self.pid) is not None:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                self.peak_rss = max(self.peak_rss, process.memory_info().rss)
                times = process.cpu_times()
                self._processor[pid] = times.user + times.system

    def last_words(self, lines: int = 5) -> str:
        """Return the end of its log."""
        try:
            return "\n".join(self._log_file.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    async def stop(self) -> None:
        """End it: politely first."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_WAIT)
        except TimeoutError:
            log.warning("%s did not end in %d s and is killed", self.name, STOP_WAIT)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _announced(self) -> bytes:
        """Return its first line, of whichever life; nothing when it ended by itself."""
        while True:
            process = self._process
            assert process is not None  # noqa: S101  started before
            assert process.stdout is not None  # noqa: S101  piped
            if line := await process.stdout.readline():
                return line
            if 0 <= await process.wait() != ORPHANED:
                return b""
            while self._process is process:
                if self.failure is not None:
                    raise self.failure
                await asyncio.sleep(_BETWEEN)

    async def _spawn(self) -> None:
        with self._log_file.open("ab") as out:
            self._process = await self._launcher.start(
                *self._arguments,
                environment=self._environment,
                stdout=PIPE if self._announces else DEVNULL,
                stderr=out.fileno(),
                # Ctrl-C goes to the stack alone, which then ends its children in order.
                new_session=True,
            )

    async def _keep(self) -> None:
        quick = 0
        loop = asyncio.get_running_loop()
        while True:
            assert self._process is not None  # noqa: S101  spawned before
            since = loop.time()
            status = await self._process.wait()
            quick = quick + 1 if loop.time() - since < QUICK else 0
            if status == MISCONFIGURED or quick >= QUICK_DEATHS:
                raise StackError(
                    f"{self.name} ended with status {status} and does not come up; {self._log_file} says why:\n"
                    f"{self.last_words()}"
                )
            log.warning("%s ended with status %d and is started again", self.name, status)
            self.restarts += 1
            await asyncio.sleep(min(5.0, 0.2 * 2**quick))
            await self._spawn()
