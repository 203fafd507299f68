"""A run of the embedded stack, until it is idle or told to stop, and what came of it."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import JsonValue

from mti.common.errors import StoreUnavailable
from mti.common.pauses import PauseState
from mti.common.registry import Registry
from mti.operations.books import Reconciliation
from mti.operations.reconcile import reconcile
from mti.operations.stores import SERVICES, Stores
from mti.stack.errors import NamespaceSilentError
from mti.stack.idle import Snapshot, Verdict, verdict
from mti.stack.namespace_reader import ServedNamespace
from mti.stack.namespace_view import NamespaceView
from mti.stack.observer import Observer, Overview
from mti.stack.stack import EmbeddedStack

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
STALLED_WAIT = 60.0
"""Seconds for which a source may have no job on its way; the schedule looks every second."""
BOOKS_WAIT = 300.0
"""Seconds to wait at the end for books that somebody else has."""
SILENT_WAIT = 60.0
"""Seconds for which the namespace may not answer while it is started again."""


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """What a process needed."""

    name: str
    peak_rss: int
    """Bytes."""
    processor_seconds: float
    """Of the machine's processors, as far as it was seen."""
    restarts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """The reconciliation, and whether the run came to its end."""

    books: Reconciliation
    seconds: float
    processes: list[ProcessReport]
    stalled: list[str] = field(default_factory=list)
    """Sources that never came to be fetched."""
    interrupted: bool = False

    @property
    def paused(self) -> list[tuple[str, PauseState]]:
        """What waits for a person at the end: sources and workspaces that were refused or do not answer."""
        pauses = [(f"source {books.source}", books.pause) for books in self.books.sources]
        pauses += [
            (f"workspace {books.destination} of {', '.join(books.tenants)}", books.pause)
            for books in self.books.destinations
        ]
        return [(what, pause) for what, pause in pauses if pause is not None]

    @property
    def closed(self) -> bool:
        """Whether the books close and nothing stalled."""
        return self.books.closed and not self.stalled

    def faults(self) -> list[str]:
        """Say in words what keeps the books open."""
        stalled = [f"source {name} was never fetched" for name in self.stalled]
        return stalled + self.books.faults()

    def document(self) -> dict[str, JsonValue]:
        """Return it as JSON data."""
        return {
            **self.books.document(),
            "closed": self.closed,
            "faults": list[JsonValue](self.faults()),
            "paused": [
                {"what": what, "reason": pause.reason, "since": pause.since.isoformat()} for what, pause in self.paused
            ],
            "interrupted": self.interrupted,
            "seconds": round(self.seconds, 3),
            "processes": [
                {
                    "name": process.name,
                    "peak_rss_mib": round(process.peak_rss / 2**20, 1),
                    "processor_seconds": round(process.processor_seconds, 2),
                    "restarts": process.restarts,
                }
                for process in self.processes
            ],
        }


async def run(stack: EmbeddedStack, stop: asyncio.Event, on_overview: Callable[[Overview], None]) -> RunResult:
    """Watch the stack until it is idle (`until_idle`), or until `stop` is set; then end the services and reconcile.

    Raises:
        StackError: a process does not come up.
    """
    started = time.monotonic()
    observer = Observer(stack)
    try:
        stalled = await _watch(stack, stop, observer, on_overview)
    finally:
        await observer.close()
    interrupted = stack.options.until_idle and stop.is_set()
    await stack.stop_services()
    seconds = time.monotonic() - started
    stores = Stores(*(stack.layout.store(service) for service in SERVICES))
    try:
        registry = await stack.options.registry.latest()
        books = await _reconciled(registry, stores, stack)
    finally:
        await stores.close()
    processes = [
        ProcessReport(child.name, child.peak_rss, child.processor_seconds, child.restarts) for child in stack.children
    ]
    return RunResult(books=books, seconds=seconds, processes=processes, stalled=stalled, interrupted=interrupted)


async def _reconciled(registry: Registry, stores: Stores, stack: EmbeddedStack) -> Reconciliation:
    """Reconcile; a store that somebody has at that moment is waited for, since all the work is done.

    Raises:
        StoreUnavailable: it was waited for in vain.
    """
    until = time.monotonic() + BOOKS_WAIT
    while True:
        try:
            return await reconcile(registry, stores, NamespaceView(ServedNamespace(stack.bus.administration)))
        except StoreUnavailable as error:
            if time.monotonic() > until:
                raise
            log.warning("the books can't be read now, and are waited for: %s", error.description)
            await asyncio.sleep(POLL_SECONDS)


class _Polls:
    """Polls of the stack, some of which may be in vain for a while."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._silent_since: float | None = None
        self._shut = False

    async def next(self) -> tuple[Snapshot, Overview] | None:
        """Poll; `None` when nothing could be seen this time.

        Raises:
            NamespaceSilentError: the namespace has been silent for too long.
        """
        now = time.monotonic()
        try:
            snapshot = await self._observer.snapshot()
            overview = await self._observer.overview(snapshot)
        except StoreUnavailable as error:
            # Somebody has a store's file: a copy is being made of it, perhaps. The services wait for it as well.
            if not self._shut:
                log.warning("the books can't be looked at now, and will be again: %s", error.description)
            self._shut = True
            return None
        except NamespaceSilentError:
            # It was killed, perhaps, and is being started again.
            self._silent_since = self._silent_since or now
            if now - self._silent_since > SILENT_WAIT:
                raise
            return None
        self._silent_since, self._shut = None, False
        return snapshot, overview


async def _watch(
    stack: EmbeddedStack, stop: asyncio.Event, observer: Observer, on_overview: Callable[[Overview], None]
) -> list[str]:
    """Return the sources that stalled; empty when all is well or when it was told to stop."""
    stalled_since: float | None = None
    polls = _Polls(observer)
    while not stop.is_set():
        stack.check()
        began = time.monotonic()
        seen = await polls.next()
        if seen is None:
            await _wait(stop, POLL_SECONDS)
            continue
        snapshot, overview = seen
        on_overview(overview)
        stack.latecomers.backfill_changes(stack.options.registry.current, stack.bus.connection_string)
        if stack.options.until_idle and not stack.latecomers.at_work:
            match verdict(snapshot):
                case Verdict.IDLE:
                    return []
                case Verdict.STALLED:
                    stalled_since = stalled_since or time.monotonic()
                    if time.monotonic() - stalled_since > STALLED_WAIT:
                        return list(snapshot.uncovered)
                case Verdict.BUSY:
                    stalled_since = None
        # Looking must not become the work: it may take a fifth of the time at the most.
        await _wait(stop, max(POLL_SECONDS, 4 * (time.monotonic() - began)))
    return []


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
