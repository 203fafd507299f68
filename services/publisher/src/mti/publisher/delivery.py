"""Delivers a batch of objects to one destination, recording what was accepted as soon as it was.

Only who holds the destination's session may upload there, and only by what the books say at that moment. So before
every request the session's lock is looked at and, when time has passed, the books are read again. A process can be
stopped between that look and the request all the same, for longer than any lock lasts. Therefore what an answer is
entered into is compared with what was decided by: where somebody else was there in between, what the books say is
uploaded once more, until nothing has changed meanwhile.
"""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from mti.common.contracts.indicators import OBJECTS_LIMIT
from mti.common.errors import LockLost, Pause, StoreUnavailable, Unavailable
from mti.common.ports.bus import Lease
from mti.common.ports.clock import Clock
from mti.common.telemetry import active
from mti.publisher.forms import prepared, repairs, restored
from mti.publisher.halving import Taken
from mti.publisher.judging import judge, order_in
from mti.publisher.packing import pack
from mti.publisher.records import Accept, Change, Counts, Item, PassOver, Published, Refuse, Verdict
from mti.publisher.unrecorded import Unrecorded
from mti.publisher.upload import Tally

log = logging.getLogger(__name__)

MARGIN: Final = 3.0
"""Seconds for which the session's lock must still hold when a request begins."""
FRESH: Final = 1.0
"""Seconds for which the books are believed without another look while the session is held."""
_REPAIRS: Final = 8


class Sending(Protocol):
    """The way to a destination; see `Uploader`."""

    def send(
        self, items: Sequence[Item], *, probe: bool = False, ready: Callable[[], Awaitable[None]] | None = None
    ) -> AsyncIterator[Taken]:
        """Upload at most 100 objects and yield what each taken request settled; `ready` is asked before each."""
        ...

    def take_tally(self) -> Tally:
        """Return the requests since the last time."""
        ...


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one object."""

    refusal: str | None = None
    """Sentinel's words if it was refused; `None` when the workspace has it or needs it not."""


class _Stale(Exception):
    """The books say otherwise by now than what a request was made by."""


class Delivery:
    """One batch on its way to one destination.

    `done` fills up as requests are answered; objects that are not in it when a pause ends the run are still to be
    delivered.

    Args:
        destination: its id.
        versions: the books.
        way: to the destination.
        clock: the time.
        lease: the session's lock; `None` where there is none to lose.
    """

    def __init__(
        self, destination: str, versions: Unrecorded, way: Sending, clock: Clock, lease: Lease | None = None
    ) -> None:
        self._destination = destination
        self._versions = versions
        self._way = way
        self._clock = clock
        self._lease = lease
        self._counts: Counter[str] = Counter()
        self._read_at = 0.0
        self._known: dict[str, Published] = {}
        self.done: dict[Item, Done] = {}
        self.reached = False
        """Whether the destination took a request."""

    async def run(self, items: Sequence[Item], *, probe: bool = False) -> Pause | None:
        """Deliver the objects; return why the destination must be left alone, if it must.

        Raises:
            Unavailable: our own store does not answer.
            LockLost: the session is somebody else's; what is not in `done` comes to them.
        """
        try:
            await self._run(items, probe=probe)
        except Unavailable:
            raise
        except Pause as pause:
            return pause
        return None

    def counts(self) -> Counts:
        """Return what the batch adds to the counts."""
        tally = self._way.take_tally()
        return Counts(requests=tally.requests, throttled=tally.throttled, **self._counts)

    async def _run(self, items: Sequence[Item], *, probe: bool) -> None:
        await self._read(items)
        await self._repair(self._versions.take_repairs(self._destination))
        await self._enter_orders(items)
        waiting = items
        while waiting:
            await self._restore(waiting)
            step = pack(waiting, self._known)
            await self._pass_over(step.settled)
            try:
                for request in step.requests:
                    await self._request(request, probe=probe)
            except _Stale:
                waiting = [item for item in waiting if item not in self.done]
            else:
                waiting = step.waiting

    async def _read(self, items: Iterable[Item]) -> None:
        self._read_at = self._clock.monotonic()
        ids = {item.own for item in items}
        found = await self._versions.look_up(self._destination, ids)
        self._known = {id: known for id, known in self._known.items() if id not in ids} | found

    async def _enter_orders(self, items: Sequence[Item]) -> None:
        orders = [order for item in items if (order := order_in(self._known.get(item.own), item)) is not None]
        if orders:
            self._learn(await self._versions.record(self._destination, orders))

    async def _request(self, request: Sequence[Item], *, probe: bool) -> None:
        """Upload one request's objects in the form that the workspace needs, and make good what was disturbed."""
        seen = {item.own: self._known.get(item.own) for item in request}
        forms = {item: prepared(seen[item.own], item) for item in request}
        originals = {form: item for item, form in forms.items()}

        async def ready() -> None:
            self._check_lease()
            if self._clock.monotonic() - self._read_at < FRESH:
                return
            left = [item for item in request if item not in self.done]
            await self._read(left)
            for item in left:
                known = self._known.get(item.own)
                if known != seen[item.own] and not _stands(known, item, forms[item]):
                    raise _Stale
                seen[item.own] = known

        async for taken in self._way.send(list(originals), probe=probe and not self.reached, ready=ready):
            await self._record(taken, originals, seen)

    def _check_lease(self) -> None:
        if self._lease is not None and self._lease.remaining() < MARGIN:
            raise LockLost(
                f"workspace {self._destination}: its session's lock ran out before a request, so nothing more is "
                "uploaded there; what is left is handed out again"
            )

    async def _restore(self, items: Sequence[Item]) -> None:
        """Make good first what somebody before left undone: see `Published.unsure`."""
        moment = self._clock.now()
        unsure = {item.own: item for item in items if (known := self._known.get(item.own)) and known.unsure}
        found = [restored(self._known[own], item, moment) for own, item in unsure.items()]
        wanted = [item for item in found if item is not None]
        for start in range(0, len(wanted), OBJECTS_LIMIT):
            self._check_lease()
            await self._repair(wanted[start : start + OBJECTS_LIMIT])

    async def _repair(self, wanted: Sequence[Item]) -> None:
        """Upload what the books say, whoever holds the session now, until nobody was there in between."""
        for _ in range(_REPAIRS):
            if not wanted:
                return
            log.warning(
                "objects were overtaken while they were uploaded, and what the books say is sent again",
                extra={"destination": self._destination, "objects": len(wanted)},
            )
            seen = {item.own: self._known.get(item.own) for item in wanted}
            again: list[Item] = []
            async for taken in self._way.send(wanted):
                again += await self._enter(taken, seen)
            wanted = again
        raise StoreUnavailable(
            f"workspace {self._destination}: somebody else uploads the same {len(wanted)} objects again and again"
        )

    async def _pass_over(self, settled: Sequence[tuple[Item, Verdict]]) -> None:
        """Note what is not needed, so that the books know why a version is not in the workspace."""
        unknown = [
            PassOver(item)
            for item, _ in settled
            if not item.withdraws
            and not self._known.get(item.own, Published()).knows(item.source, item.object.modified)
        ]
        self._learn(await self._versions.record(self._destination, unknown))
        instruments = active().instruments
        for item, verdict in settled:
            self._counts[verdict.value] += 1
            instruments.objects(item.source, {verdict.value: 1})
            self.done[item] = Done()

    async def _record(self, taken: Taken, originals: dict[Item, Item], seen: dict[str, Published | None]) -> None:
        """Enter an answer, and make good at once what somebody else disturbed: what can't be is not done."""
        wanted = await self._enter(taken, seen)
        accepted = [originals[item] for item in taken.accepted]
        refused = [(originals[item], words) for item, words in taken.refused]
        self._counts["accepted"] += len(accepted)
        self._counts["refused"] += len(refused)
        self._measure(Taken(accepted, refused))
        self.reached = self.reached or bool(accepted)
        disturbed = {item.own for item in wanted}
        self.done |= {item: Done() for item in accepted if item.own not in disturbed}
        self.done |= {item: Done(words) for item, words in refused}
        await self._repair(wanted)
        self.done |= {item: Done() for item in accepted}

    async def _enter(self, taken: Taken, seen: dict[str, Published | None]) -> list[Item]:
        held = {own: (known or Published()).held for own, known in seen.items()}
        changes: list[Change] = [Accept(item, held[item.own]) for item in taken.accepted]
        changes += [Refuse(item.own, item.object, words) for item, words in taken.refused]
        recorded = await self._versions.record(self._destination, changes)
        self._learn(recorded)
        moment = self._clock.now()
        return [again for item in taken.accepted for again in repairs(recorded[item.own], item, moment)]

    def _learn(self, recorded: dict[str, Published]) -> None:
        self._known |= recorded

    @staticmethod
    def _measure(taken: Taken) -> None:
        """Tell the metrics what a request settled, and how old what it brought was."""
        telemetry = active()
        now = telemetry.clock.now()
        for item in taken.accepted:
            telemetry.instruments.fresh(item.source, (now - item.object.modified) / timedelta(seconds=1))
        for outcome, items in (("accepted", taken.accepted), ("refused", [item for item, _ in taken.refused])):
            for source, count in Counter(item.source for item in items).items():
                telemetry.instruments.objects(source, {outcome: count})


def _stands(known: Published | None, item: Item, form: Item) -> bool:
    """Say whether an item is to be sent in the same form by newer books as well."""
    return judge(known, item) is Verdict.SEND and prepared(known, item).object == form.object
