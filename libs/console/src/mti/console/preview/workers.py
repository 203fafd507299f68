"""Processes that answer and draw: few of them, each at one thing at a time, none for longer than is allowed."""

import asyncio
import json
import logging
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

log = logging.getLogger(__name__)

PROCESSES: Final = 2
SECONDS: Final = 45.0
"""For one query or one chart."""
START_SECONDS: Final = 60.0
"""More for the first question, since a process loads its libraries then."""
QUESTIONS: Final = 400
"""After so many a process makes way for a new one: what libraries hold on to is bounded."""
LINE_LIMIT: Final = 64 * 2**20
"""Bytes of an answer."""
MODULE: Final = "mti.console.preview.engine"


class Unanswered(Exception):
    """A question has no answer; the text says why, and what to do."""


class _Worker:
    def __init__(self, module: str) -> None:
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._asked = 0

    async def ask(self, question: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Ask; the process is ended where it does not answer in time, and where whoever asks goes away.

        Raises:
            Unanswered: it did not answer.
        """
        allowed = seconds
        if self._process is None or self._process.returncode is not None or self._asked >= QUESTIONS:
            await self.end()
            await self._start()
            allowed += START_SECONDS
        self._asked += 1
        try:
            return await asyncio.wait_for(self._exchange(question), allowed)
        except TimeoutError:
            await self.end()
            raise Unanswered(
                f"it took longer than {seconds:.0f} s and was ended; choose a shorter time or fewer workspaces"
            ) from None
        except BaseException:
            await self.end()
            raise

    async def end(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        # Its pipe is read to the end, so that the transport closes.
        await process.communicate()

    async def _start(self) -> None:
        self._asked = 0
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LINE_LIMIT,
        )

    async def _exchange(self, question: Mapping[str, Any]) -> dict[str, Any]:
        process = self._process
        assert process is not None  # noqa: S101  started above
        assert process.stdin is not None  # noqa: S101  asked for
        assert process.stdout is not None  # noqa: S101  asked for
        try:
            process.stdin.write(json.dumps(question).encode() + b"\n")
            await process.stdin.drain()
            line = await process.stdout.readline()
        except (ConnectionError, ValueError):
            line = b""
        if not line:
            raise Unanswered(
                "the process that answers ended; see that duckdb-kql and vl-convert-python are installed "
                "(pip install 'mti-console[preview]'), and that there is memory"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer


class Workers:
    """A pool of such processes. Use it as an asynchronous context; none is started before it is needed.

    Args:
        processes: how many at the most.
        seconds: how long one question may take.
        module: the program.
    """

    def __init__(self, processes: int = PROCESSES, seconds: float = SECONDS, module: str = MODULE) -> None:
        self._seconds = seconds
        self._workers = [_Worker(module) for _ in range(processes)]
        self._idle: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()
        for worker in self._workers:
            self._idle.put_nowait(worker)

    async def __aenter__(self) -> Self:
        """Do nothing yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all processes."""
        await asyncio.gather(*(worker.end() for worker in self._workers))

    async def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a question of `mti.console.preview.engine`, after those that came before it.

        Raises:
            Unanswered: there is none; the text says why.
        """
        worker = await self._idle.get()
        try:
            answer = await worker.ask(question, self._seconds)
        finally:
            self._idle.put_nowait(worker)
        if "error" in answer:
            raise Unanswered(str(answer["error"]))
        return answer
