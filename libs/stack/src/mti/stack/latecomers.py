"""Gives a workspace what its sources made before it was routed to them, without anybody asking for it.

Which routes were served before is kept in `DIR/routes.json`. A route that is new there, though its source has been
fetched already, is backfilled before it counts as served; killed meanwhile, the next run goes on with it.
"""

import asyncio
import json
import logging
import time
from pathlib import Path

from mti.common.adapters.packed import packed
from mti.common.adapters.servicebus import ServiceBus
from mti.common.adapters.sqlite import SqliteStore
from mti.common.errors import MtiError, Unavailable
from mti.common.ports.clock import SystemClock
from mti.common.registry import Registry, Route
from mti.common.topology import STANDARD
from mti.normalizer.records import KNOWN, KnownIndicators
from mti.operations.backfill import SHARE, Backfill, Selection, run_name

log = logging.getLogger(__name__)

RETRY_WAIT = 5.0


class Latecomers:
    """Backfills routes that are new.

    Args:
        file: where the routes that were served are kept.
        database: of the normalizer.
        wait: seconds before what failed is tried again.
    """

    def __init__(self, file: Path, database: Path, *, wait: float = RETRY_WAIT) -> None:
        self._file = file
        self._database = database
        self._clock = SystemClock()
        self._wait = wait
        self._next = 0.0
        self._seen: Registry | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def at_work(self) -> bool:
        """Whether a backfill is under way."""
        return self._task is not None and not self._task.done()

    async def serve(self, registry: Registry, connection_string: str, *, paced: bool = False) -> None:
        """Backfill the routes that are new, then count them as served.

        Args:
            registry: the routes.
            connection_string: of the namespace.
            paced: whether to leave a part of each workspace's budget to what comes in meanwhile.
        """
        self._seen = registry
        served = self._served()
        now = {_key(route): route for route in registry.routes}
        new = [route for key, route in now.items() if key not in served]
        if new:
            await self._backfill(registry, new, connection_string, paced=paced)
        if set(now) != served:
            written = self._file.with_suffix(".new")
            written.write_text(json.dumps(sorted(now)))
            written.replace(self._file)

    async def begin(self, registry: Registry, connection_string: str) -> None:
        """Serve before anything else does its work; where the store is locked, later: what is sent twice by that is
        passed over by the publisher.
        """
        try:
            await self.serve(registry, connection_string)
        except Unavailable as error:
            self._put_off(error)

    def backfill_changes(self, registry: Registry, connection_string: str) -> None:
        """Start to serve a registry that has changed; what failed is said, and tried again after a while."""
        if self.at_work:
            return
        if self._task is not None:
            done, self._task = self._task, None
            self._judge(done)
        if registry is not self._seen and time.monotonic() >= self._next:
            self._task = asyncio.create_task(self.serve(registry, connection_string, paced=True))

    def _judge(self, done: "asyncio.Task[None]") -> None:
        try:
            done.result()
        except MtiError as error:
            # The namespace is being started again, perhaps, or a person runs the same backfill.
            self._put_off(error)

    def _put_off(self, error: MtiError) -> None:
        log.warning("a workspace that joined late is not given everything yet, and will be: %s", error)
        self._seen = None
        self._next = time.monotonic() + self._wait

    async def stop(self) -> None:
        """Leave off; the next run goes on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _served(self) -> set[str]:
        try:
            # An earlier release kept a policy's name behind the two.
            return {"|".join(str(key).split("|")[:2]) for key in json.loads(self._file.read_text())}
        except (OSError, ValueError):
            return set()

    async def _backfill(self, registry: Registry, new: list[Route], connection_string: str, *, paced: bool) -> None:
        store = packed(SqliteStore(self._database))
        bus = ServiceBus.from_connection_string(connection_string)
        try:
            brought = set(await KnownIndicators(store.container(KNOWN), self._clock).sources())
            for route in new:
                if route.source not in brought:
                    continue
                budget = registry.destinations[route.destination].requests_per_minute
                work = Backfill(
                    registry,
                    store,
                    bus.sender(STANDARD.indicators),
                    self._clock,
                    lambda: run_name(self._clock),
                    rate=budget * SHARE if paced else None,
                )
                results = await work.run(
                    Selection(tenant=route.tenant, destination=route.destination, source=route.source)
                )
                log.warning(
                    "workspace %s of %s joined %s late and is given %d indicators that are still valid",
                    route.destination,
                    route.tenant,
                    route.source,
                    sum(result.progress.sent for result in results),
                )
        finally:
            await bus.close()
            await store.close()


def _key(route: Route) -> str:
    return f"{route.source}|{route.destination}"
