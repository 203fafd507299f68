"""Delivers a batch of objects to one destination, recording what was accepted as soon as it was."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from mti.common.errors import Pause
from mti.common.ports.bus import Lease
from mti.common.ports.clock import Clock
from mti.common.telemetry import active
from mti.publisher.halving import Taken
from mti.publisher.holdings import Holdings
from mti.publisher.judging import order_in
from mti.publisher.packing import pack
from mti.publisher.records import Counts, Item, PassOver, Published, Verdict
from mti.publisher.repairing import Repairing, Uploading
from mti.publisher.request import Request, Stale


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one object."""

    refusal: str | None = None
    """Sentinel's words if it was refused; `None` when the workspace has it or needs it not."""


class Delivery:
    """One batch on its way to one destination.

    `done` fills up as requests are answered; objects that are not in it when a pause ends the run are still to be
    delivered. The requests of a round share no object's id.

    Args:
        holdings: what the workspace holds.
        uploader: to the destination.
        clock: the time.
        lease: the session's lock; `None` where there is none to lose.
    """

    def __init__(self, holdings: Holdings, uploader: Uploading, clock: Clock, lease: Lease | None = None) -> None:
        self._holdings = holdings
        self._uploader = uploader
        self._repairing = Repairing(holdings, uploader, clock, lease)
        self._lease = lease
        self._counts: Counter[str] = Counter()
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
        except Pause as pause:
            return pause
        return None

    def counts(self) -> Counts:
        """Return what the batch adds to the counts."""
        tally = self._uploader.take_tally()
        return Counts(requests=tally.requests, throttled=tally.throttled, **self._counts)

    async def _run(self, items: Sequence[Item], *, probe: bool) -> None:
        await self._holdings.read(items)
        await self._repairing.repair(self._holdings.take_repairs())
        orders = [order for item in items if (order := order_in(self._holdings.of(item), item)) is not None]
        if orders:
            await self._holdings.record(orders)
        waiting = items
        while waiting:
            await self._repairing.restore(waiting)
            step = pack(waiting, self._holdings.known)
            await self._pass_over(step.needless)
            try:
                for request in step.requests:
                    await self._request(request, probe=probe)
            except Stale:
                waiting = [item for item in waiting if item not in self.done]
            else:
                waiting = step.waiting

    async def _pass_over(self, needless: Sequence[tuple[Item, Verdict]]) -> None:
        """Note what is not needed, so that the books know why a version is not in the workspace."""
        unknown = [
            PassOver(item)
            for item, _ in needless
            if not item.withdraws
            and not (self._holdings.of(item) or Published()).knows(item.source, item.object.modified)
        ]
        await self._holdings.record(unknown)
        instruments = active().instruments
        for item, verdict in needless:
            self._counts[verdict.value] += 1
            instruments.objects(item.source, {verdict.value: 1})
            self.done[item] = Done()

    async def _request(self, items: Sequence[Item], *, probe: bool) -> None:
        """Upload objects together, and make good at once what somebody else disturbed: what can't be is not done."""
        request = Request(items, self._holdings, self._lease)
        async for taken in self._uploader.send(request.forms, probe=probe and not self.reached, ready=request.confirm):
            settled, disturbed = await request.enter(taken)
            self._note(settled, disturbed)
            await self._repairing.repair(disturbed)
            self.done |= {item: Done() for item in settled.accepted}

    def _note(self, settled: Taken, disturbed: Sequence[Item]) -> None:
        """Count what an answer settled; what was disturbed is not done yet."""
        self._counts["accepted"] += len(settled.accepted)
        self._counts["refused"] += len(settled.refused)
        _measure(settled)
        self.reached = self.reached or bool(settled.accepted)
        again = {item.own for item in disturbed}
        self.done |= {item: Done() for item in settled.accepted if item.own not in again}
        self.done |= {item: Done(words) for item, words in settled.refused}


def _measure(settled: Taken) -> None:
    """Tell the metrics what a request settled, and how old what it brought was."""
    telemetry = active()
    now = telemetry.clock.now()
    for item in settled.accepted:
        telemetry.instruments.fresh(item.source, (now - item.object.modified) / timedelta(seconds=1))
    for outcome, items in (("accepted", settled.accepted), ("refused", [item for item, _ in settled.refused])):
        for source, count in Counter(item.source for item in items).items():
            telemetry.instruments.objects(source, {outcome: count})
