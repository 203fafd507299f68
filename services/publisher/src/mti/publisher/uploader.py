"""Uploads objects to one destination: splits what is refused as a whole, and tells what became of each object."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from mti.common.ports.clock import Clock
from mti.common.registry import Destination
from mti.common.telemetry import labelled, links_to, span
from mti.common.telemetry.attributes import OBJECTS, tenant_among
from mti.publisher.blame import Blame
from mti.publisher.budget import Interrupted
from mti.publisher.halving import Room, Search, Taken
from mti.publisher.records import Item
from mti.publisher.retrying import Ready, RetryingClient, Tally
from mti.publisher.sentinel import Accepted, BadRequest, Blocked, TooLarge, Unavailable


class Uploader:
    """Uploads to one destination. It lives as long as the process, since what it knows of the destination must.

    Args:
        destination: the workspace.
        client: sends a request until it is answered.
        clock: the time.
        rng: shuffles what is split.
    """

    def __init__(self, destination: Destination, client: RetryingClient, clock: Clock, rng: random.Random) -> None:
        self._destination = destination
        self._client = client
        self._rng = rng
        self._blame = Blame()
        self._room = Room(clock)
        self._search = asyncio.Lock()
        self._searcher: asyncio.Task[Any] | None = None

    @property
    def in_flight(self) -> int:
        """Requests that may be under way at once."""
        return self._client.in_flight

    @property
    def used(self) -> float:
        """Which part of the rate budget the last minute took, from 0 to 1."""
        return self._client.used

    def interrupt(self) -> None:
        """End what waits to be sent, for all who send; what is under way goes on until it is answered."""
        self._client.interrupt()

    def take_tally(self) -> Tally:
        """Return the requests since the last time, and count anew."""
        return self._client.take_tally()

    async def send(self, items: Sequence[Item], *, probe: bool = False, ready: Ready = None) -> AsyncGenerator[Taken]:
        """Upload the objects, at most 100, and yield what each taken request settled.

        A request that is refused as a whole is split, down to the one object at fault; so is one that the server fails
        over again and again, and then an object is set aside only when others pass (see `halving` and `blame`). Several
        may be sent at once; of those that have to be split one is at a time, since what passes and what does not is
        told by the order.

        Args:
            items: the objects.
            probe: whether the destination was paused before.
            ready: asked when a request may be sent, after every wait; what it raises ends the sending.

        Raises:
            Pause: the destination is at fault or does not answer; what was not yielded is not settled.
            Interrupted: there was an interruption, and something was still to be sent.
        """
        since = self._client.interruptions
        search = Search(items, self._destination, self._blame, self._room, self._rng)
        async with AsyncExitStack() as alone:
            while (part := search.part()) is not None:
                if since != self._client.interruptions:
                    raise Interrupted
                answer = await self._request(part, search, ready, probe=probe and not search.passed, since=since)
                if (taken := search.answered(part, answer)) is not None:
                    yield taken
                elif self._searcher is not asyncio.current_task():
                    # Who repairs what a search has found disturbed does so in the same task.
                    await alone.enter_async_context(self._searching())
            if (rest := search.finish()) is not None:
                yield rest

    @asynccontextmanager
    async def _searching(self) -> AsyncIterator[None]:
        async with self._search:
            self._searcher = asyncio.current_task()
            try:
                yield
            finally:
                self._searcher = None

    async def _request(
        self, part: Sequence[Item], search: Search, ready: Ready, *, probe: bool, since: int
    ) -> Accepted | BadRequest | TooLarge | Blocked | Unavailable:
        objects = [item.object for item in part]
        with (
            labelled(tenant=tenant_among(self._destination.tenants), destination=self._destination.id),
            span("upload", attributes={OBJECTS: len(part)}, links=links_to(item.trace for item in part)),
        ):
            return await self._client.upload(
                objects, probe=probe, failures_answered=search.failures_answered(part), ready=ready, since=since
            )
