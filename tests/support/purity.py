"""Holds tests that are marked `pure` to their word: no socket, no process, no waiting.

They are what `make check` runs, so they must be quick on any machine and never fail for a reason outside the code. A
pure test that connects or binds a socket, asks for an address, starts a process or sleeps is stopped at that line, and
fails even where the code that it tests catches what stopped it.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator

import pytest

EVENTS = {
    "socket.connect": "connects a socket",
    "socket.bind": "binds a socket",
    "socket.getaddrinfo": "asks for an address",
    "subprocess.Popen": "starts a process",
    "os.fork": "starts a process",
    "os.forkpty": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.system": "starts a process",
    "os.exec": "starts a process",
}
"""What Python tells an audit hook, and what a test does then."""


class Impure(Exception):
    """A pure test did what no pure test does."""


class Watch:
    """Notes what the threads of one test do, and stops them. What threads do that were there before is not the test's.

    Attributes:
        seen: what was done that may not be, in order.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        # Threads, not their numbers: those are given anew.
        self._others = set(threading.enumerate()) - {threading.current_thread()}

    def stop(self, what: str) -> None:
        """Note what a test does, and stop it.

        Raises:
            Impure: always, but in threads that are older than the test.
        """
        if threading.current_thread() in self._others:
            return
        self.seen.append(what)
        raise Impure(f"a pure test {what}")


_watching: list[Watch] = []


def _audit(event: str, _arguments: tuple[object, ...]) -> None:
    if _watching and event in EVENTS:
        _watching[-1].stop(f"{EVENTS[event]} ({event})")


def pytest_configure() -> None:
    sys.addaudithook(_audit)


@pytest.fixture(autouse=True)
def _a_pure_test_is_pure(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.node.get_closest_marker("pure") is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        watch = Watch()
        _forbid_waiting(patch, watch)
        _watching.append(watch)
        try:
            yield
        finally:
            _watching.remove(watch)
    if watch.seen:
        pytest.fail(f"a pure test {'; '.join(watch.seen)}: mend it, or unmark its module")


def _forbid_waiting(patch: pytest.MonkeyPatch, watch: Watch) -> None:
    """Stop sleeps. `asyncio.sleep(0)` only lets others go on."""
    pause = asyncio.sleep

    def sleep(seconds: float) -> None:
        watch.stop(f"sleeps for {seconds} s")

    async def sleep_in_a_loop(delay: float, result: object = None) -> object:
        if delay > 0:
            watch.stop(f"sleeps for {delay} s")
        return await pause(delay, result)

    patch.setattr(time, "sleep", sleep)
    patch.setattr(asyncio, "sleep", sleep_in_a_loop)
