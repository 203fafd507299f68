"""Uploads objects to one destination: splits what is refused as a whole, and tells what became of each object."""

import random
from collections.abc import AsyncIterator, Sequence

from mti.common.ports.clock import Clock
from mti.common.registry import Destination
from mti.common.telemetry import labelled, links_to, span
from mti.common.telemetry.attributes import OBJECTS, tenant_among
from mti.publisher import reasons
from mti.publisher.blame import Provocations, Suspicion
from mti.publisher.halving import LAST_TRIES, TRIES, Room, Search, Taken
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
        self._suspicion = Suspicion()
        self._provocations = Provocations()
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
        search = Search(self._room.parts(items), self._rng)
        while (part := search.part()) is not None:
            answer = await self._request(part, search, ready, probe=probe and not search.passed)
            if isinstance(answer, Accepted):
                if len(answer.refused) < len(part):
                    self._suspicion.accepted()
                self._provocations.passed(part)
                yield search.taken(part, answer)
            elif len(part) > 1:
                search.halve(part)
            else:
                self._judge(part[0], answer, search)
            if (guilty := search.set_aside()) is not None:
                yield guilty
        if (pause := search.undecided) is not None:
            raise pause
        if (rest := search.rest()) is not None:
            yield rest
        self._room.learnt(search.room)

    async def _request(
        self, part: Sequence[Item], search: Search, ready: Ready, *, probe: bool
    ) -> Accepted | BadRequest | TooLarge | Blocked | Unavailable:
        answered: int | None = None if search.single else TRIES
        if search.last:
            answered = 1 if self._provocations.passed_since(part[0]) else LAST_TRIES
        with (
            labelled(tenant=tenant_among(self._destination.tenants), destination=self._destination.id),
            span("upload", attributes={OBJECTS: len(part)}, links=links_to(item.trace for item in part)),
        ):
            return await self._client.upload(
                [item.object for item in part], probe=probe, failures_answered=answered, ready=ready
            )

    def _judge(self, item: Item, answer: BadRequest | TooLarge | Blocked | Unavailable, search: Search) -> None:
        """Decide about an object that did not pass alone.

        Raises:
            Pause: it is not the object.
        """
        if isinstance(answer, (BadRequest, TooLarge)):
            self._suspicion.refused()
            if self._suspicion.strong:
                raise reasons.refused_requests(self._destination, answer.text)
            search.refused(item, answer.text)
        elif self._is_to_blame(item, search):
            search.guilty(item, f"fails alone, with {answer.text}, while others are accepted")
        elif self._provocations.strong:
            raise reasons.failures(self._destination, answer)
        else:
            search.suspect(item, reasons.failures(self._destination, answer))

    def _is_to_blame(self, item: Item, search: Search) -> bool:
        if search.last and self._provocations.passed_since(item):
            return True
        return self._provocations.failed(item) or (search.last and not self._provocations.strong)
