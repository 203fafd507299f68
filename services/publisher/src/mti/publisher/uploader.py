"""Uploads objects to one destination: splits what is refused as a whole, and tells what became of each object."""

import random
from collections.abc import AsyncIterator, Sequence

from mti.common.ports.clock import Clock
from mti.common.registry import Destination
from mti.common.telemetry import labelled, links_to, span
from mti.common.telemetry.attributes import OBJECTS, tenant_among
from mti.publisher.blame import Blame
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

    def take_tally(self) -> Tally:
        """Return the requests since the last time, and count anew."""
        return self._client.take_tally()

    async def send(self, items: Sequence[Item], *, probe: bool = False, ready: Ready = None) -> AsyncIterator[Taken]:
        """Upload the objects, at most 100, and yield what each taken request settled.

        A request that is refused as a whole is split, down to the one object at fault; so is one that the server fails
        over again and again, and then an object is set aside only when others pass (see `halving` and `blame`).

        Args:
            items: the objects.
            probe: whether the destination was paused before.
            ready: asked when a request may be sent, after every wait; what it raises ends the sending.

        Raises:
            Pause: the destination is at fault or does not answer; what was not yielded is not settled.
        """
        search = Search(items, self._destination, self._blame, self._room, self._rng)
        while (part := search.part()) is not None:
            answer = await self._request(part, search.failures_answered(part), ready, probe=probe and not search.passed)
            if (taken := search.answered(part, answer)) is not None:
                yield taken
        if (rest := search.finish()) is not None:
            yield rest

    async def _request(
        self, part: Sequence[Item], failures_answered: int | None, ready: Ready, *, probe: bool
    ) -> Accepted | BadRequest | TooLarge | Blocked | Unavailable:
        objects = [item.object for item in part]
        with (
            labelled(tenant=tenant_among(self._destination.tenants), destination=self._destination.id),
            span("upload", attributes={OBJECTS: len(part)}, links=links_to(item.trace for item in part)),
        ):
            return await self._client.upload(objects, probe=probe, failures_answered=failures_answered, ready=ready)
